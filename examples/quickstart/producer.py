"""Sends additions to the fleet, waits for their results and checks each of them."""

import argparse
import sys
import time

from celery.exceptions import TimeoutError as ResultTimeout
from celery.result import ResultSet
from tasks import add, app, slow


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="tasks to send (default: 1000)")
    parser.add_argument("--seconds", type=float, default=0, help="how long each task sleeps (default: 0)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds to wait (default: 120)")
    return parser.parse_args()


def wait_for_broker(seconds: int) -> None:
    """The fleet and this program may be applied together, so the broker may still be starting."""
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=seconds, interval_start=1, interval_step=0)


def main() -> int:
    arguments = parse_arguments()
    wait_for_broker(seconds=60)
    started = time.monotonic()
    numbers = range(arguments.count)
    if arguments.seconds:
        results = [slow.delay(number, number, arguments.seconds) for number in numbers]
    else:
        results = [add.delay(number, number) for number in numbers]
    print(f"{len(results)} tasks sent in {time.monotonic() - started:.1f} s", flush=True)

    sent = ResultSet(results)
    try:
        sent.join_native(timeout=arguments.timeout, propagate=False)
    except ResultTimeout:
        print(f"Not all results arrived within {arguments.timeout:g} s.", file=sys.stderr)
    correct = sum(result.ready() and result.result == 2 * number for number, result in enumerate(results))
    print(f"{correct}/{len(results)} results correct after {time.monotonic() - started:.1f} s")
    sent.forget()
    return 0 if correct == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
