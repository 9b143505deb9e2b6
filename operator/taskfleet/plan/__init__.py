"""What manifests would become, without a cluster."""
