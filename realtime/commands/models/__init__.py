"""What one does to a model: train it, measure it, bring one in, build it for a GPU."""
