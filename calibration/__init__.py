"""Geometry between pixels and metres: lenses, the floor, body scale, and where a person stands."""
