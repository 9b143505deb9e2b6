"""Prints as JSON the names of the schedules that the broker's beat is to send."""

import json
import os

import redis

broker: redis.Redis = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"], decode_responses=True)
entries = [value for key in broker.keys("taskfleet:*:schedules") for value in broker.hvals(str(key))]
print(json.dumps([json.loads(entry)["name"] for entry in entries]))
