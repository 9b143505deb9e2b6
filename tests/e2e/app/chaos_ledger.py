"""Prints the ledger of the chaos test as JSON."""

import json

from marks import marks

kept = marks()
print(
    json.dumps(
        {
            "finished": bool(kept.exists("chaos:finished")),
            "sent": kept.lrange("chaos:sent", 0, -1),
            "began": kept.hgetall("chaos:began"),
            "ended": kept.hgetall("chaos:ended"),
            "ticks": kept.lrange("chaos:ticks", 0, -1),
        }
    )
)
