"""The page Recommend and its pieces."""
