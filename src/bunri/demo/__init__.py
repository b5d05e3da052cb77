"""The embedded data set: street-like photos of trash, rendered from a seed, and the whole job on it."""
