"""The embedded data set and the whole job on it."""
