"""Streams of people in, poses out, a frame at a time: one interface over both models and every backend."""
