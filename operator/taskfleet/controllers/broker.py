"""Broker: a managed Redis with its volume, password and connection Secret, or somebody else's by its URL."""

_LOOK_AGAIN_SECONDS = 60.0  # Secrets are not watched: a changed one is seen within this time
_LEFT_OVER_SECONDS = 1.0
