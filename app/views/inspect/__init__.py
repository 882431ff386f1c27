"""The page Inspect and its pieces."""
