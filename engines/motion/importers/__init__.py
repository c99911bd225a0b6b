"""Motion capture and datasets in their usual formats."""
