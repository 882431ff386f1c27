"""The page Learn and its pieces."""
