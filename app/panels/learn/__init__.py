"""Learn: the panels of the six steps."""
