"""The page Learn and its panels."""
