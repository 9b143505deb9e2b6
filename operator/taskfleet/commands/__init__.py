"""What users ask of the operator by `kubectl taskfleet`. The API server is the only place that these talk to."""
