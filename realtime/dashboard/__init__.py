"""A stream in a terminal: its figures, its people, its last minutes as sparklines. A subscriber like any other."""
