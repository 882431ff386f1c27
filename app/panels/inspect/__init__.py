"""Inspect: the panels of one user and one item."""
