"""What other tools read and write: exports, and files of other programs."""
