"""Joints as a jointed figure: nodes with a rest pose, their rotations, angles as clinicians name them."""
