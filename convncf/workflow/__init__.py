"""Workflow: the one place where data, model, training, evaluation and run are wired; and saved runs brought back."""
