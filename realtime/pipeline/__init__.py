"""The line from a picture to a pose: detect, track, resample, lift, place."""
