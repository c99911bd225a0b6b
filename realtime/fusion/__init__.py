"""Several cameras' streams as one: who is whom, whose clock is late, one pose a person in the world."""
