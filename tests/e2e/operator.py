"""The operator as its chart installs it, and what can happen to it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.installation import DEPLOYMENT, NAMESPACE, install, wait_for_operator
from tests.tools.kube import Kube
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import wait_for

SELECTOR = "app.kubernetes.io/component=operator"


@dataclass(frozen=True)
class Operator:
    """One installation. Tests that disturb it end with `restore`."""

    kubeconfig: Path
    kube: Kube
    images: Mapping[str, str]

    def restore(self, *, images: Mapping[str, str] | None = None, **values: Any) -> None:
        """Install with these values, one replica if they name none, and wait until it leads."""
        install(self.kubeconfig, {**self.images, **(images or {})}, values)
        self._scale(values.get("replicas", 1))
        wait_for_operator(self.kubeconfig)
        wait_for(lambda: self.leader() in self.pods(), 60, what="a leader among the running pods")

    def stop(self) -> None:
        """As long as it is stopped there is no operator in the cluster."""
        self._scale(0)
        wait_for(lambda: not self.pods(), 30, what="the end of the operator's pods")

    def kill_leader(self) -> str:
        """SIGKILL; the name of the pod that is gone."""
        pod = self.leader()
        self.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
        return pod

    def leader(self) -> str:
        """The pod that holds the Lease; empty where nobody does."""
        lease = self.kube.get("Lease", DEPLOYMENT, NAMESPACE) or {}
        holder: str = lease.get("spec", {}).get("holderIdentity") or ""
        return holder.partition("_")[0]

    def pods(self) -> list[str]:
        found = self.kube.list("Pod", NAMESPACE, selector=SELECTOR)
        return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.kubeconfig, namespace=NAMESPACE)

    def taskfleet(self, *arguments: str, kubeconfig: Path | None = None) -> str:
        """What `taskfleet` on the machine of a user prints."""
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig or self.kubeconfig)}
        command = [sys.executable, "-m", "taskfleet", *arguments]
        return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout

    def metrics(self) -> str:
        """What the leader tells Prometheus."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{self.leader()}/proxy/metrics"
        return self.kubectl("get", f"--raw={path}")

    def _scale(self, replicas: int) -> None:
        self.kubectl("scale", f"deployment/{DEPLOYMENT}", f"--replicas={replicas}")
