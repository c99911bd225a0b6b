"""Recordings of a stream: made, read, played again."""
