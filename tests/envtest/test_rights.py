"""The rights of the operator: what docs/reference/permissions.md says is what the chart renders."""

import re
import subprocess
from collections import defaultdict

import yaml

from taskfleet.api import GROUP, KINDS
from tests.tools.cluster import programs
from tests.tools.installation import CHART, DEPLOYMENT, ROOT

ROW = re.compile(r"^\| (`[^|]+) \| ([a-z, ]+) \|", re.MULTILINE)
Rights = dict[tuple[str, str], set[str]]


def kinds(resource: str) -> list[str]:
    """A resource, or each of ours: `*.taskfleet.dev` stands for all kinds, which the chart names one by one."""
    own = resource.startswith("*") and resource.endswith(f".{GROUP}")
    return [resource.replace("*", info.plural, 1) for info in KINDS] if own else [resource]


def documented() -> Rights:
    """By resource and the one name that a right is limited to."""
    text = (ROOT / "docs/reference/permissions.md").read_text()
    section = text[text.index("## What the operator may do") : text.index("## What a user may do")]
    rights: Rights = defaultdict(set)
    for resources, verbs in ROW.findall(section):
        name = DEPLOYMENT if "of the operator's name" in resources else ""
        name = "kube-system" if "named `kube-system`" in resources else name
        for resource in re.findall(r"`([^`]+)`", resources):
            for one in kinds(resource) if resource != "kube-system" else ():
                rights[one, name].update(verbs.split(", "))
    return dict(rights)


def rendered() -> Rights:
    command = [str(programs.program("helm")), "template", "taskfleet", str(CHART), "--kube-version=1.34"]
    result = subprocess.run(
        [*command, "--set=crds.enabled=false"], check=True, capture_output=True, text=True
    )
    objects = [obj for obj in yaml.safe_load_all(result.stdout) if obj]
    bound = {
        (obj["roleRef"]["kind"], obj["roleRef"]["name"])
        for obj in objects
        if obj["kind"] in ("RoleBinding", "ClusterRoleBinding")
        and any(subject["name"] == DEPLOYMENT for subject in obj["subjects"])
    }
    rights: Rights = defaultdict(set)
    for obj in objects:
        if (obj["kind"], obj["metadata"]["name"]) not in bound:
            continue
        for rule in obj["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for name in rule.get("resourceNames", [""]):
                        rights[f"{resource}.{group}".removesuffix("."), name].update(rule["verbs"])
    return dict(rights)


def test_the_documented_rights_are_the_rendered_ones() -> None:
    assert documented() == rendered()
