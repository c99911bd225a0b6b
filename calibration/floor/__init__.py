"""Which way is up, where the floor is, and what a foot on it tells."""
