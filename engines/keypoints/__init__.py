"""A person's keypoints as they come from a detector, and what of them is to be believed."""
