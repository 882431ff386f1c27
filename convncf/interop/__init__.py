"""Exchange with other programs: exports, and their files."""
