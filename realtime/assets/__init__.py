"""Pose models and demo clips: fetched once, checked, kept in the cache."""
