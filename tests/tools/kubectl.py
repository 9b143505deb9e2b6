"""kubectl for tests that show what a user does."""

import json
import subprocess
from pathlib import Path

from taskfleet.api import Object
from tests.tools.cluster import ClusterError, programs
from tests.tools.cluster.kubectl import environment


class Kubectl:
    """kubectl on one cluster, in one namespace; its output, or a ClusterError."""

    def __init__(self, kubeconfig: Path, *, namespace: str = "default") -> None:
        program = str(programs.program("kubectl"))
        self._command = [program, f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        result = subprocess.run(
            [*self._command, *arguments],
            input=stdin,
            check=False,
            capture_output=True,
            text=True,
            env=environment(),
        )
        if result.returncode != 0:
            raise ClusterError(f"`kubectl {' '.join(arguments)}` failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    def apply(self, manifest: Object) -> None:
        self("apply", "--filename=-", stdin=json.dumps(manifest))
