"""What this machine has: its GPU, and where things that are compiled or fetched are kept."""
