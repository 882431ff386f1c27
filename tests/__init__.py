"""The test suite: one file per module, plus contracts, layers, the app and the browser."""
