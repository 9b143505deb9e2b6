"""Probes of the worker container. Our entry answers them over HTTP from the first moment of its start."""

from taskfleet.api import Object

PROBE_PORT = 9817
PROBE_PORT_NAME = "taskfleet"


def readiness_probe() -> Object:
    """Asked every second, because a fleet shrinks only after a drained pod was seen to be unready."""
    return {"httpGet": _get("/readyz"), "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 2}


def liveness_probe() -> Object:
    """Half a minute of silence: a worker that is merely short of CPU answers in between."""
    return {"httpGet": _get("/livez"), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}


def probe_port() -> Object:
    return {"name": PROBE_PORT_NAME, "containerPort": PROBE_PORT, "protocol": "TCP"}


def _get(path: str) -> Object:
    return {"path": path, "port": PROBE_PORT_NAME}
