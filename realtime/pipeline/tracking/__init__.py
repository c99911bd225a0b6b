"""Who is who from frame to frame, in the picture."""
