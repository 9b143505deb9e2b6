"""Under which names we own fields by server-side apply. Pure."""

MANAGER = "taskfleet"  # everything but worker replicas
SCALE_MANAGER = "taskfleet-scale"  # worker replicas only
