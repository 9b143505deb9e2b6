"""What `kubectl taskfleet` does on a cluster. These commands talk to the API server only."""
