"""Evaluation: how well a scorer ranks one part of a split, by full ranking or within candidate sets."""
