"""A person's size, and where in front of the camera they stand."""
