"""The page Start and its panels."""
