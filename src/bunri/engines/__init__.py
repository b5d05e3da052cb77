"""Adapters to detection frameworks, each in a worker process of its own. Nothing of theirs is imported here."""
