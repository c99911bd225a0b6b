"""Training and evaluation of lifters (needs the extra `[train]`)."""
