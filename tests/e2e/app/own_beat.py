"""The tests' app with a schedule of its own."""

from e2e_app import app

app.conf.beat_schedule = {"tick": {"task": "e2e_app.work", "schedule": 2.0, "args": ("own-beat", 0)}}
