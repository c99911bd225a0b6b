"""CURVE keys on disk, and whom they let in."""
