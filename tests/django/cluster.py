"""The Django example on a cluster: brought up by the commands of docs/tutorials/django.md themselves."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from taskfleet.api import Object
from tests.django.console import Console
from tests.django.guide import blocks
from tests.django.page import Page
from tests.runtime.ports import free_port
from tests.runtime.worker import ROOT
from tests.tools.cluster import Cluster, ClusterError, programs
from tests.tools.cluster.images import DJANGO, POSTGRES, RABBITMQ
from tests.tools.cluster.kubectl import environment as with_own_cache
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import wait_for

PRODUCERS = Path(__file__).parent / "producers"
COMPLETED = ("SUCCESS", "FAILURE")
ANSWER = 120  # seconds for a producer; those that wait for results have shorter limits of their own


class Progress(NamedTuple):
    """A task as its row in the database of results tells it."""

    id: str
    state: str
    worker: str
    began: str
    ended: str

    @property
    def pool(self) -> str:
        return self.worker.partition("@")[0]


class ShopOnCluster:
    """The example in one namespace. `close` ends what runs on this machine for it, not the example."""

    def __init__(self, cluster: Cluster, namespace: str = "default", *, rabbitmq: bool = False) -> None:
        self.kubectl = Kubectl(cluster.kubeconfig, namespace=namespace)
        program = str(programs.program("kubectl"))
        self._kubectl = [program, f"--kubeconfig={cluster.kubeconfig}", f"--namespace={namespace}"]
        self._cluster = cluster
        self._namespace = namespace
        self._rabbitmq = rabbitmq
        self._console = Console([*self._kubectl, "exec", "--stdin", "deployment/web", "--"])

    def bring_up(self) -> None:
        """Section 3 of the page, or 10, with images that the cluster has. May be done again."""
        images = self._cluster.load([DJANGO, POSTGRES, *([RABBITMQ] if self._rabbitmq else [])])
        with TemporaryDirectory() as folder:
            deploy = Path(folder) / "deploy"
            shutil.copytree(ROOT / "examples" / "django" / "deploy", deploy)
            for path in deploy.iterdir():
                path.write_text(_with_images(path.read_text(), images, self._prefix))
            result = subprocess.run(
                ["bash", "-c", self._script()], cwd=folder, check=False, text=True, env=with_own_cache(),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        if result.returncode != 0:
            raise ClusterError(
                f"the commands of docs/tutorials/django.md failed:\n{result.stdout[-3000:]}{self._overview()}"
            )

    def produce(self, name: str, **environment: str) -> Any:
        """Run a producer of `producers/` in the pod of the web app; what it printed as JSON."""
        return self.run((PRODUCERS / f"{name}.py").read_text(), **environment)

    def run(self, code: str, **environment: str) -> Any:
        """Run code there."""
        return self._console.run(code, seconds=ANSWER, **environment)

    def send(self, task: str, *, count: int, seconds: float = 0) -> list[str]:
        """Send tasks that each take `seconds`; their ids."""
        ids: list[str] = self.produce("queue_up", TASK=task, COUNT=str(count), SECONDS=str(seconds))
        return ids

    def progress(self, ids: list[str]) -> list[Progress]:
        """Of those tasks that have started, in the order in which they did."""
        return [Progress(*row) for row in self.produce("progress", IDS=json.dumps(ids))]

    def states(self, ids: list[str]) -> list[str]:
        return [one.state for one in self.progress(ids)]

    def wait_until_done(self, ids: list[str], *, seconds: float = 180) -> list[Progress]:
        """In the order in which they started."""

        def done() -> list[Progress]:
            found = self.progress(ids)
            return found if sum(one.state in COMPLETED for one in found) == len(ids) else []

        return wait_for(done, seconds, what=f"the end of {len(ids)} tasks", poll=0.5)

    def manage(self, *arguments: str, **environment: str) -> str:
        """manage.py there."""
        values = [f"{name}={value}" for name, value in environment.items()]
        return self.kubectl("exec", "deployment/web", "--", "env", *values, "python", "manage.py", *arguments)

    def patch(self, pool: str, **spec: Any) -> None:
        self.kubectl("patch", "workerpool", pool, "--type=merge", f"--patch={json.dumps({'spec': spec})}")

    def pool(self, name: str) -> Object:
        found: Object = json.loads(self.kubectl("get", "workerpool", name, "--output=json"))
        return found

    def replicas(self, pool: str) -> int:
        return int(self.pool(pool).get("status", {}).get("replicas", 0))

    def pods(self, pool: str) -> set[str]:
        """Names of the pool's worker pods."""
        selector = f"--selector=taskfleet.dev/pool={pool},taskfleet.dev/component=worker"
        names = self.kubectl("get", "pods", selector, "--output=name").split()
        return {name.removeprefix("pod/") for name in names}

    def worker_restarts(self) -> int:
        """How often a worker container was started again in its pod, in all pools."""
        path = "{.items[*].status.containerStatuses[*].restartCount}"
        selector = "--selector=taskfleet.dev/component=worker"
        return sum(map(int, self.kubectl("get", "pods", selector, f"--output=jsonpath={path}").split()))

    def wait_until_ready(self, *pools: str) -> None:
        names = [f"workerpool/{pool}" for pool in pools]
        self.kubectl("wait", "--for=condition=Ready", *names, "--timeout=180s")

    @contextmanager
    def page(self) -> Iterator[Page]:
        """The web app by `kubectl port-forward`, as a person opens it."""
        port = free_port()
        command = [*self._kubectl, "port-forward", "service/web", f"{port}:80"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            page = Page(f"http://127.0.0.1:{port}")
            wait_for(lambda: page.get("/readyz")[0] == 200, 60, what="the page by port-forward", poll=0.2)
            yield page
        finally:
            process.terminate()
            process.wait()

    def close(self) -> None:
        self._console.close()

    @property
    def _prefix(self) -> str:
        prefix = self._cluster.image_prefix.rstrip("/")
        return f"{prefix}/" if prefix else ""

    def _script(self) -> str:
        """The page's commands; the image is there already, and kubectl is the one built for the cluster."""
        shown = blocks("3", "sh")[0]
        commands = re.sub(r"^PREFIX=.*", f"PREFIX={self._prefix}", shown, count=1, flags=re.MULTILINE)
        assert commands != shown
        if self._rabbitmq:
            before = re.sub(r"^NAMESPACE=.*", f"NAMESPACE={self._namespace}", blocks("10", "sh")[0])
            assert "deploy/broker.yaml" in commands
            commands = before + commands.replace("deploy/broker.yaml", "deploy/rabbitmq.yaml")
        quoted = " ".join(f"'{word}'" for word in self._kubectl)
        return f'set -eu\ndocker() {{ :; }}\nkubectl() {{ {quoted} "$@"; }}\n{commands}'

    def _overview(self) -> str:
        return self.kubectl("get", "pods,events", "--sort-by=.metadata.creationTimestamp")


def _with_images(manifest: str, images: Mapping[str, str], prefix: str) -> str:
    """The cluster's own tags, and nothing before the names that the page's commands put a prefix before."""

    def ours(found: re.Match[str]) -> str:
        reference = images.get(found[1])
        if reference is None:  # of a manifest that is not applied
            return found[0]
        return f"image: {reference.removeprefix(prefix) if found[1] == DJANGO.name else reference}"

    return re.sub(r"image: ([^:\s]+):\S+", ours, manifest)
