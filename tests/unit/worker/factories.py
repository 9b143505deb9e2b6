"""Valid input for the runtime; a test names only what it is about."""

import json
from typing import Any

from tests.runtime.worker import settings


def environment(**changes: Any) -> dict[str, str]:
    pool_type = changes.pop("poolType", "prefork")
    return {"TASKFLEET_SETTINGS": json.dumps(settings(pool_type, **changes))}
