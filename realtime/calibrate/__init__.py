"""The work of the calibration commands: pictures, walks and boards to calibration files."""
