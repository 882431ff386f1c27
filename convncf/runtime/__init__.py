"""What a machine offers: devices, files, randomness, threads, memory."""
