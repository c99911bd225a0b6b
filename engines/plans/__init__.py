"""TensorRT plans: built, certified against torch, described by a card, found for a machine."""
