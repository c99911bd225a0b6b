"""A camera's lens: pixels to rays, measured with a printed board, kept in a file, guessed from a walk."""
