"""Sends a task and checks its result: the operator, a managed Redis and a worker work together."""

import sys
import time

from tasks import add, app

SECONDS = 200  # helm test waits for five minutes; a first pull of images is slow


def main() -> int:
    started = time.monotonic()
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=SECONDS, interval_start=1, interval_step=0)
    result = add.delay(2, 3).get(timeout=SECONDS - (time.monotonic() - started))
    print(f"2 + 3 = {result}, after {time.monotonic() - started:.1f} s")
    return int(result != 5)


if __name__ == "__main__":
    sys.exit(main())
