"""`make demo`: a cluster, the operator from its chart, the quickstart's fleet, and 1,000 tasks with their results."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from taskfleet.api import Object
from tests.cluster import CATALOGUE, Cluster, ClusterError, cluster, programs
from tests.cluster.progress import step
from tests.installation import NAMESPACE, install, quickstart
from tests.waiting import wait_for

NAME = "demo"
IMAGES = ("taskfleet-operator", "taskfleet-worker", "taskfleet-celery", "taskfleet-quickstart", "redis")
JOB = "quickstart-producer"


def main() -> int:
    if sys.argv[1:] == ["down"]:
        cluster(NAME).down()
        return 0
    try:
        correct = run(cluster(NAME))
    except (ClusterError, AssertionError) as error:
        print(
            f"error: {error}\n`make demo` goes on where it stopped; `make demo-down` removes everything.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(
            "\ninterrupted: `make demo` goes on where it stopped; `make demo-down` removes everything.",
            file=sys.stderr,
        )
        return 130
    return 0 if correct else 1


def run(demo: Cluster) -> bool:
    """Every step may have been done before. Whether all results were correct."""
    started = time.monotonic()
    demo.up("full")
    kubectl = Kubectl(demo.kubeconfig)
    images = demo.load([CATALOGUE[name] for name in IMAGES])
    with step("installing the operator"):
        install(demo.kubeconfig, images)
        kubectl(
            "--namespace", NAMESPACE, "rollout", "status", "deployment/taskfleet-operator", "--timeout=120s"
        )
    with step("starting the quickstart's fleet"):
        kubectl.apply(quickstart("workerpool.yaml", images))
        kubectl("wait", "--for=condition=Ready", "workerpool/quickstart", "--timeout=180s")
    with step("running 1,000 tasks"):
        said, correct = send_tasks(kubectl, images)
    print(said, kubectl("get", "taskfleet"), _next_steps(demo, time.monotonic() - started), sep="\n")
    return correct


def send_tasks(kubectl: "Kubectl", images: Mapping[str, str]) -> tuple[str, bool]:
    """Run the producer; what it printed, and whether it found every result correct."""
    kubectl("delete", "job", JOB, "--ignore-not-found")
    kubectl.apply(quickstart("producer.yaml", images))

    def ended() -> Object:
        status: Object = json.loads(kubectl("get", "job", JOB, "--output=json"))["status"]
        return status if {"succeeded", "failed"} & status.keys() else {}

    status = wait_for(ended, 240, what="the producer's end (`kubectl describe job`)", poll=0.5)
    return kubectl("logs", f"job/{JOB}"), "succeeded" in status


class Kubectl:
    """kubectl on one cluster; its output, or a ClusterError."""

    def __init__(self, kubeconfig: Path) -> None:
        self._command = [str(programs.program("kubectl")), f"--kubeconfig={kubeconfig}"]

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        result = subprocess.run(
            [*self._command, *arguments], input=stdin, check=False, capture_output=True, text=True
        )
        if result.returncode != 0:
            raise ClusterError(f"`kubectl {' '.join(arguments)}` failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    def apply(self, manifest: Object) -> None:
        self("apply", "--filename=-", stdin=json.dumps(manifest))


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
    sys.exit(main())
