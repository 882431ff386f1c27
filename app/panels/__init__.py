"""Pieces of pages: each fetches what it shows from the core, and draws it."""
