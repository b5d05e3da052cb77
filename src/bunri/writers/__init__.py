"""What records the events of a run."""
