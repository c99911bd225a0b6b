"""Recorded poses as figures: read, made into quantities with units, drawn."""
