"""What is drawn in three dimensions: people, the floor under them, and the eye that looks on."""
