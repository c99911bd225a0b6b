"""People in a picture as 17 keypoints: MediaPipe, or a detector of one's own."""
