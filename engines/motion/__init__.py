"""Captured motion as training and evaluation see it: bodies, cameras, poses built on top, keypoint noise."""
