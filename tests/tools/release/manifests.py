"""What `kubectl apply` takes: install.yaml, crds.yaml, quickstart.yaml, and the same as a base for Kustomize."""

import subprocess
from pathlib import Path

import yaml

from tests.tools.cluster import programs
from tests.tools.release import archive
from tests.tools.release.checkout import ReleaseError, Source

NAMESPACE = "taskfleet-system"
_NAMESPACE = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""
# Variables of the operator name images too: with this, `images` of an overlay changes them as well.
_IMAGES = """\
images:
  - path: spec/template/spec/containers[]/env[]/value
    kind: Deployment
"""
_KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [crds.yaml, operator.yaml]
"""


def build(source: Source, target: Path) -> None:
    crds = "".join(f"---\n{path.read_text()}" for path in sorted((source.folder / "crds").glob("*.yaml")))
    operator = f"{_NAMESPACE}{rendered(source)}"
    (target / "crds.yaml").write_text(crds)
    (target / "install.yaml").write_text(f"{crds}---\n{operator}")
    (target / "quickstart.yaml").write_bytes(
        (source.folder / "examples/quickstart/workerpool.yaml").read_bytes()
    )
    base = {
        "kustomization.yaml": _KUSTOMIZATION,
        "images.yaml": _IMAGES,
        "crds.yaml": crds,
        "operator.yaml": operator,
    }
    archive.write(
        target / f"taskfleet-kustomize-{source.version}.tar.gz",
        {f"taskfleet/{name}": text.encode() for name, text in base.items()},
        source.epoch,
    )


def rendered(source: Source) -> str:
    """The chart's objects but the CRDs and the tests, without the labels that make sense for Helm only."""
    command = [
        str(programs.program("helm")),
        "template",
        "taskfleet",
        str(source.folder / "charts/taskfleet"),
    ]
    command += [f"--namespace={NAMESPACE}", "--set=crds.enabled=false", "--kube-version=1.34", "--skip-tests"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise ReleaseError(f"helm template failed.\n{result.stderr}")
    return "".join(
        f"---\n{_without_helm(text)}" for text in result.stdout.split("\n---\n") if yaml.safe_load(text)
    )


def _without_helm(text: str) -> str:
    """The manifest as Helm wrote it, without the label of the chart and under another manager's name."""
    lines = [line for line in text.removeprefix("---\n").splitlines() if "helm.sh/chart:" not in line]
    managed = "app.kubernetes.io/managed-by: "
    return "".join(f"{line.replace(f'{managed}Helm', f'{managed}kubectl')}\n" for line in lines)
