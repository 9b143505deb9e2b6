"""First file of a worker pod: TERM ends the start from here on, then the runtime takes over.

PID 1 ignores signals that it has no handler for, so a TERM that arrived while Celery and the user's app are
being imported would be lost and the pod would run until it is killed. Nothing is held yet: leaving is safe.
"""

import os
import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda _signum, _frame: os._exit(0))
    here = os.path.dirname(os.path.abspath(__file__))
    # At the end, so that no module of the user's app is hidden by one of ours.
    sys.path[:] = [folder for folder in sys.path if folder != here] + [here]

    from taskfleet_worker.entry import main

    sys.exit(main(sys.argv[1:]))
