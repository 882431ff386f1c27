"""The page Train and its panels."""
