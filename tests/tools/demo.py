"""`make demo`: a cluster, the operator from its chart, the quickstart's fleet, and 1,000 tasks with their results."""

import sys
import time

from tests.tools.cluster import Cluster, programs
from tests.tools.cluster.progress import step
from tests.tools.kubectl import Kubectl
from tests.tools.quickstart import send_tasks, start_fleet
from tests.tools.showcase import main, with_operator

NAME = "demo"
_GO_ON = "`make demo` goes on where it stopped; `make demo-down` removes everything."


def run(demo: Cluster) -> bool:
    """Every step may have been done before. Whether all results were correct."""
    started = time.monotonic()
    images = with_operator(demo)
    kubectl = Kubectl(demo.kubeconfig)
    with step("starting the quickstart's fleet"):
        start_fleet(kubectl, images)
    with step("running 1,000 tasks"):
        said, correct = send_tasks(kubectl, images)
    print(said, kubectl("get", "taskfleet"), _next_steps(demo, time.monotonic() - started), sep="\n")
    return correct


def _next_steps(demo: Cluster, seconds: float) -> str:
    return f"""\
The demo took {seconds:.0f} s and goes on running. To look around:

  export KUBECONFIG={demo.kubeconfig} PATH="{programs.program("kubectl").parent}:$PATH"
  kubectl get taskfleet,pods
  kubectl describe workerpool quickstart
  kubectl explain workerpool.spec
  kubectl scale workerpool quickstart --replicas=4
  kubectl logs --prefix -l taskfleet.dev/pool=quickstart

examples/quickstart/README.md has more. `make demo-down` removes every trace."""


if __name__ == "__main__":
    sys.exit(main(NAME, run, go_on=_GO_ON))
