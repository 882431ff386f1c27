"""How long the app's pages take to respond, in a real browser."""
