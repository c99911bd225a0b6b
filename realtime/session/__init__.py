"""Who runs: the table of processes, their supervisor, and what is said of a session."""
