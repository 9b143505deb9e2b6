"""`taskfleet convert`: Celery deployments of other forms as Taskfleet's manifests, with a report of what differs."""
