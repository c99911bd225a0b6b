"""A stream while it runs, and its recordings: make one, watch it, keep it, play it again."""
