"""Compare: panels of the page where runs stand side by side."""
