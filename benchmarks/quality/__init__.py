"""What the models reach on the data: studies whose results are committed, with the command that makes them."""
