"""The data layer: files become Interactions, Interactions become a Split, a Split becomes triples."""
