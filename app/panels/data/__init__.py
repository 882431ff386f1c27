"""Data: adding a dataset, and what is told of one."""
