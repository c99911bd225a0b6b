"""What many cameras on one server, and on a fleet of them, cost."""
