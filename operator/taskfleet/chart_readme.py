"""The chart's README, with a table of its values from values.yaml: each with its default and the comment above it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

import yaml

_HEAD = """\
<!-- Generated from values.yaml by `make generate`; do not edit. -->
# Taskfleet

A Kubernetes operator that runs Celery worker fleets: worker pools that scale from their queues, schedules that run
once, and Redis.

```
helm install taskfleet oci://registry.example/charts/taskfleet --namespace taskfleet --create-namespace
helm test taskfleet --namespace taskfleet
```

The operator watches Taskfleet's objects in all namespaces, or in those of `watchNamespaces`. `helm uninstall` keeps
the CustomResourceDefinitions and with them your objects, unless `crds.keep` is false; worker pods go on without the
operator.

## Values

| value | default | meaning |
|---|---|---|
"""


@dataclass(frozen=True)
class Value:
    """One value of the chart: its path, its default as YAML in one line, and what its comments say."""

    path: str
    default: str
    meaning: str


def chart_readme(values: str) -> str:
    """The README for a chart with this values.yaml."""
    rows = (
        f"| `{one.path}` | {_code(one.default)} | {_cell(one.meaning)} |\n" for one in chart_values(values)
    )
    return _HEAD + "".join(rows)


def chart_values(values: str) -> Iterator[Value]:
    """Every value of a values.yaml, in its order. A block that has a comment of its own is a row without a default."""
    root = yaml.compose(values)
    if isinstance(root, yaml.MappingNode):
        yield from _below(root, "", values.splitlines())


def _below(node: yaml.MappingNode, prefix: str, lines: list[str]) -> Iterator[Value]:
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        meaning = _comment(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
            if meaning:
                yield Value(path, "", meaning)
            yield from _below(value, f"{path}.", lines)
        else:
            default = yaml.safe_load(yaml.serialize(value))
            text = (
                yaml.safe_dump(default, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()
            )
            yield Value(
                path, text, _with_trailing(meaning, lines[value.end_mark.line], value.end_mark.column)
            )


def _comment(lines: list[str], line: int) -> str:
    """The comment lines right above a key, up to an example."""
    first = line
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    above = (one.strip().removeprefix("#").strip() for one in lines[first:line])
    return " ".join(takewhile(lambda one: not one.startswith("- "), above))


def _with_trailing(meaning: str, line: str, end: int) -> str:
    """The comment behind a value joins those above it."""
    behind = line[end:].strip().removeprefix("#").strip()
    return " ".join(filter(None, [meaning, behind]))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
