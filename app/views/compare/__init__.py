"""The page Compare and its panels."""
