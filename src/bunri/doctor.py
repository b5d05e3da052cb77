"""Every fault of a data set at once."""
