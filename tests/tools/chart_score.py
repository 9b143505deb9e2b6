"""kube-score over the chart with five sets of values: `python -m tests.tools.chart_score`. Each exception has its reason."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from tests.tools.cluster import programs
from tests.tools.installation import CHART

VALUES: dict[str, Mapping[str, Any]] = {
    "defaults": {},
    "one-namespace": {"watchNamespaces": ["shop"], "queryApi": {"enabled": False}},
    "several-replicas": {"replicas": 3, "priorityClassName": "high"},
    "closed-network": {
        "replicas": 2,
        "networkPolicy": {"enabled": True, "apiServer": {"addresses": ["10.0.0.1/32"]}},
        "brokers": {"allowedAddresses": ["10.0.0.0/8"]},
    },
    "tenants": {
        "networkPolicy": {"enabled": True},
        "admissionPolicy": {"enabled": True, "rules": [{"name": "all", "registries": ["registry.example/"]}]},
        "requestPolicy": {"enabled": True},
    },
}
ALWAYS = {
    "container-image-pull-policy": "a value of the chart; the tag of a release never moves",
    "deployment-has-host-podantiaffinity": "several replicas are spread by topologySpreadConstraints",
    "deployment-replicas": "one acts and starts within seconds; more is a value of the chart",
}
WITHOUT_NETWORK_POLICY = {
    "pod-networkpolicy": "off by default: only the user knows the addresses of the API server and the brokers"
}
FLAGS = ("--ignore-container-cpu-limit",)  # a CPU limit would slow the loop down when it has most to do


def findings(values: Mapping[str, Any]) -> str:
    """What kube-score has to say that no reason is written for; empty where there is nothing."""
    enabled = bool(values.get("networkPolicy"))
    ignored = [*ALWAYS, *([] if enabled else WITHOUT_NETWORK_POLICY)]
    helm = [str(programs.program("helm")), "template", "taskfleet", str(CHART), "--kube-version=1.34"]
    # The pod of `helm test` lives for seconds, and has no NetworkPolicy.
    helm += ["--skip-tests"]
    rendered = subprocess.run(
        [*helm, "--namespace=taskfleet-system", "--set=crds.enabled=false", "--values=-"],
        input=yaml.safe_dump(dict(values)),
        check=True,
        capture_output=True,
        text=True,
    )
    score = [str(programs.program("kube-score")), "score", "--output-format=ci", *FLAGS, "-"]
    result = subprocess.run(
        [*score, *(f"--ignore-test={name}" for name in ignored)],
        input=rendered.stdout,
        check=False,
        capture_output=True,
        text=True,
    )
    lines = (result.stdout + result.stderr).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("[OK]", "[SKIPPED]")))


def main() -> int:
    found = {name: said for name, values in VALUES.items() if (said := findings(values))}
    for name, said in found.items():
        print(f"{name}:\n{said}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
