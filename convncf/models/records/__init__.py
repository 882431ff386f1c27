"""The records of this package's models, a family a file."""
