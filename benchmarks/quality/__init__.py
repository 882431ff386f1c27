"""How well the models rank on each dataset: studies whose results are committed, with the command that makes them."""
