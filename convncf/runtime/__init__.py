"""The machine: devices, files, randomness, threads, memory."""
