"""Loops compiled for the processor at hand, where the `fast` extra is installed."""
