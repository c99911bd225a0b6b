"""Faults done to a running session on purpose, and what its subscriber saw of them."""
