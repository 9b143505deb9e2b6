"""How many pods there should be, and the one writer that brings it about."""
