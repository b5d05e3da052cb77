"""Claims as data: what is compared, what is held equal, and a verdict with its uncertainty."""
