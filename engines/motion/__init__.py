"""Captured motion as training sees it: bodies, cameras, keypoint noise, and which subjects are held out."""
