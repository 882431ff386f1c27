"""The page Data and its panels."""
