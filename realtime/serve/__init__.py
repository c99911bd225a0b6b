"""The lifting end of many cameras: keypoints of other machines in, everybody's poses out."""
