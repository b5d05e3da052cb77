"""The best ensemble."""
