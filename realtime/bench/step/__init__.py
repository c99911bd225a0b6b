"""What a step costs at best, and where a frame's time goes."""
