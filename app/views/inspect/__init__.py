"""The page Inspect and its panels."""
