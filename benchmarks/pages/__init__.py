"""How long the app's pages take to answer, in a real browser."""
