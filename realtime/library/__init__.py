"""What a Python program calls: keypoints of its own to poses, without any process, and a live session."""
