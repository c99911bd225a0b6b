"""Many lifting servers as one, on Ray: which stream is lifted where, and how it gets from one to another."""
