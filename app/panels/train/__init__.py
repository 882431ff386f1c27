"""Train: the form, and the run that is watched."""
