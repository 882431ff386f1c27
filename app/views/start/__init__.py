"""The page Start and its pieces."""
