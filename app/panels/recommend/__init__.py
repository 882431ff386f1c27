"""Recommend: panels of lists, new users and files of pairs."""
