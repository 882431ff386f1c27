"""The fast path compiled for this machine's processor, where the `fast` extra is installed."""
