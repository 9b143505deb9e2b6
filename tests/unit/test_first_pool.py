"""docs/tutorials/first-pool.md is true: its commands, given to a kubectl that records them, say what the page says."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import yaml

from taskfleet.api import Object, WorkerPool

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/tutorials/first-pool.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
IMAGE = "registry.example/quickstart@sha256:0123"
# Answers the question for the image, and keeps what else it is asked and given.
KUBECTL = f"""#!/bin/sh
[ "$1" = get ] && printf %s {IMAGE} && exit
printf '%s\\n' "$*" >> "$RECORD/calls"
[ "$1" = apply ] && cat > "$RECORD/applied.yaml"
exit 0
"""


def block(command: str) -> str:
    """The one block of the page with a command."""
    (found,) = (text for text in BLOCKS if command in text)
    return str(found)


def quickstart() -> Object:
    manifest: Object = yaml.safe_load((REPOSITORY / "examples/quickstart/workerpool.yaml").read_text())
    return manifest


def test_the_patch_makes_the_quickstarts_pool_an_autoscaled_one() -> None:
    words = shlex.split(block("kubectl patch"))
    patch = json.loads(words[words.index("-p") + 1])["spec"]
    spec = {**quickstart()["spec"], **patch}
    removed = {name for name, value in patch.items() if value is None}
    pool = WorkerPool.model_validate(
        {
            **quickstart(),
            "spec": {name: value for name, value in spec.items() if name not in removed},
        }
    )
    assert removed == {"replicas"}
    assert pool.spec.autoscale is not None
    assert (pool.spec.autoscale.min_replicas, pool.spec.autoscale.max_replicas) == (0, 5)


def test_the_second_producer_sends_what_the_page_says(tmp_path: Path) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RECORD": str(tmp_path)}
    subprocess.run(["sh", "-ec", block("kubectl delete job")], cwd=REPOSITORY, env=environment, check=True)
    (container,) = yaml.safe_load((tmp_path / "applied.yaml").read_text())["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"] == IMAGE
    assert container["command"] == ["python", "producer.py", "--count=200", "--seconds=2"]


def test_the_demo_runs_what_the_page_says() -> None:
    producer = (REPOSITORY / "examples/quickstart/producer.yaml").read_text()
    assert "--count=1000" in producer
    assert "1000/1000 results correct" in PAGE
    assert (quickstart()["spec"]["replicas"], quickstart()["spec"]["concurrency"]) == (2, 4)
    assert "two pods that run four tasks each" in PAGE
