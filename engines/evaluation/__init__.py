"""How good a lifter is: protocols with views, poses and noise of their own, metrics, tables and curves."""
