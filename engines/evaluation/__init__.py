"""How good a lifter is: protocols, metrics, tables and curves."""
