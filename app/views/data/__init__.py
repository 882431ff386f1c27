"""The page Data and its pieces."""
