"""What each claim costs or gives, measured on the machine at hand."""
