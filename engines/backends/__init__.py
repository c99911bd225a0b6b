"""Backends that run one compiled model: arrays in, arrays out."""
