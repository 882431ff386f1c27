"""The page Recommend and its panels."""
