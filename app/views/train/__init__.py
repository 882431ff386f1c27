"""The page Train and its pieces."""
