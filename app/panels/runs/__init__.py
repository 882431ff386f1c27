"""Runs: panels of the table of all runs."""
