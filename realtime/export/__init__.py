"""Poses of a recording in the files of other programs: animation, biomechanics, tables."""
