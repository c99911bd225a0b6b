"""Pose lifting as pure computation: arrays in, arrays out; no cameras, processes or sockets."""
