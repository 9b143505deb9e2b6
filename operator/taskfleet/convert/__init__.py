"""`taskfleet convert`: converts other deployments of Celery to Taskfleet's manifests, and reports what differs."""
