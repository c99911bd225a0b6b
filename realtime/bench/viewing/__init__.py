"""What drawing a stream costs."""
