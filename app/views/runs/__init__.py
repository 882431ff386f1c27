"""The page Runs and its panels."""
