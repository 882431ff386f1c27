"""Pages, one script each: Streamlit runs the file of the page that is open."""
