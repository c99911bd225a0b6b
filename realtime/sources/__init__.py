"""Anything that gives pictures: cameras, files, network streams, demo clips."""
