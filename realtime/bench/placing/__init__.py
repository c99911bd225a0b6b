"""How true places are: floors, lenses, roots."""
