"""How long it takes to read a large file of interactions, and how much memory."""
