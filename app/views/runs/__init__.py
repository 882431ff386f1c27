"""The page Runs and its pieces."""
