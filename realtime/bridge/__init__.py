"""A live stream in the words of other programs: ordinary subscribers that pass on what they get."""
