"""The kinds as the chart's templates name them: RBAC lists every resource."""

from taskfleet.api import KINDS

_NOTE = "{{/* Generated from operator/taskfleet/api by `make generate`; do not edit. */}}"


def chart_kinds() -> str:
    """Named templates with the resources of all kinds, their status and scale subresources, as YAML lists."""
    scaled = [info for info in KINDS if info.model.scale is not None]
    lists = {
        "kinds": [info.plural for info in KINDS],
        "kindStatuses": [f"{info.plural}/status" for info in KINDS],
        "kindScales": [f"{info.plural}/scale" for info in scaled],
    }
    return "\n".join([_NOTE, *(_template(name, values) for name, values in lists.items())])


def _template(name: str, values: list[str]) -> str:
    return f'{{{{- define "taskfleet.{name}" -}}}}\n[{", ".join(values)}]\n{{{{- end }}}}\n'
