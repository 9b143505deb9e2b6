"""Prints as JSON how many messages each start of a worker holds: as the worker has recorded it for the operator."""

import json
import os

import redis

broker: redis.Redis = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"], decode_responses=True)
records = [str(key) for key in broker.keys("taskfleet:*:held:*")]
print(json.dumps({key.split(":held:")[1]: broker.hlen(key) for key in records}))
