"""What pages share: the address, the cache, widgets, plots, text, summaries of runs."""
