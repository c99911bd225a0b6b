"""The two lifting models, the skeleton they know, the features they read, and their weights on disk."""
