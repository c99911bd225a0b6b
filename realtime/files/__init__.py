"""Recorded keypoints in, poses in a file out."""
