"""Who consumes which queue, how long it is, and how fast messages come and go."""
