"""What one does to a model: train, evaluate, build a plan, inspect it."""
