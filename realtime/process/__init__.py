"""What every child process carries: its link to the supervisor, signals, statistics, a doorbell."""
