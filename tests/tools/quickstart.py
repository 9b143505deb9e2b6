"""The quickstart as its README tells it, for the demo and the end-to-end test."""

import json
from collections.abc import Mapping

from taskfleet.api import Object
from tests.tools.installation import quickstart
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import wait_for

JOB = "quickstart-producer"


def start_fleet(kubectl: Kubectl, images: Mapping[str, str]) -> None:
    """Return when the pool is Ready."""
    kubectl.apply(quickstart("workerpool.yaml", images))
    kubectl("wait", "--for=condition=Ready", "workerpool/quickstart", "--timeout=180s")


def send_tasks(kubectl: Kubectl, images: Mapping[str, str]) -> tuple[str, bool]:
    """Run the producer; what it printed, and whether it found every result correct."""
    kubectl("delete", "job", JOB, "--ignore-not-found")
    kubectl.apply(quickstart("producer.yaml", images))

    def ended() -> Object:
        status: Object = json.loads(kubectl("get", "job", JOB, "--output=json"))["status"]
        return status if {"succeeded", "failed"} & status.keys() else {}

    status = wait_for(ended, 240, what="the producer's end (`kubectl describe job`)", poll=0.5)
    return kubectl("logs", f"job/{JOB}"), "succeeded" in status
