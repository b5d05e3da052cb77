"""One HTML page from run folders."""
