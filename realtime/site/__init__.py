"""A session of several cameras: one producer each, one lifter for all, one stream fused of them."""
