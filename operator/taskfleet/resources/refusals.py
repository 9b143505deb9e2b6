"""The API server's words about an object that we built, with the names of the fields that the user wrote."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from taskfleet.api import Object
from taskfleet.resources.list_keys import identity

_HEAD = re.compile(r'^[A-Za-z0-9.]+ "[^"]*" is invalid: ')
_POD_PATH = re.compile(
    r"\.?\bspec\.template\.(?:spec|metadata|labels|annotations)(?:\.[A-Za-z]+|\[[^\]]*\])*"
)
_PEER = re.compile(r"\.?\bspec\.ingress\[0\]\.from\[(\d+)\]")
_STEP = re.compile(r"([A-Za-z]+)|\[([^\]]*)\]")
Step = str | int


@dataclass(frozen=True)
class Written:
    """Where the user wrote what a pod template was made of."""

    spec: Object  # of the user's object, from `base` on
    base: str  # such as spec or spec.redis
    container: str  # that of ours
    fields: Mapping[str, str]  # of that container, by its field: the user's field below `base`
    pod_fields: Mapping[str, str]  # the same of the pod


def in_users_words(message: str, built: Object, written: Written) -> str:
    """`message` with the user's paths, and with what to do."""
    fields: list[str] = []

    def translate(found: re.Match[str]) -> str:
        field = _users_path(found[0].removeprefix("."), built, written)
        fields.append(field)
        return field

    said = _POD_PATH.sub(translate, _HEAD.sub("", message))
    return f"{said.rstrip('.')}. Correct {fields[0]}." if fields else message


def peers_in_users_words(message: str, field: str, *, before: int) -> str:
    """`message` about a NetworkPolicy whose peers are the user's, after so many of ours, with what to do."""
    fields: list[str] = []

    def translate(found: re.Match[str]) -> str:
        fields.append(f"{field}[{int(found[1]) - before}]")
        return fields[-1]

    said = _PEER.sub(translate, _HEAD.sub("", message))
    return f"{said.rstrip('.')}. Correct {fields[0]}." if fields else message


def _users_path(path: str, built: Object, written: Written) -> str:
    template = _as_checked(built)
    steps = _with_indexes(list(_steps(path))[2:], template)  # without spec.template
    if steps[0] in ("labels", "annotations"):  # the API server leaves their metadata out
        steps = ["metadata", *steps]
    if steps[:1] == ["spec"] and len(steps) > 1 and steps[1] in written.pod_fields:
        return f"{written.base}.{written.pod_fields[str(steps[1])]}"
    container = _at(template, steps[:3]) if steps[:2] == ["spec", "containers"] else None
    if isinstance(container, dict) and container.get("name") == written.container and len(steps) > 3:
        field = str(steps[3])
        own = written.spec.get(written.fields.get(field, ""))
        users, found = _translated(steps[4:], container.get(field), own, field)
        if own and (found or not isinstance(own, list)):
            return f"{written.base}.{written.fields[field]}{_text(users)}"
    users, _ = _translated(steps, template, written.spec.get("template"), "")
    return f"{written.base}.template{_text(users)}"


def _as_checked(built: Object) -> Object:
    """The pod template as the API server counts its entries: the volumes of a StatefulSet's claims come first."""
    template: Object = built["spec"]["template"]
    claims = built["spec"].get("volumeClaimTemplates") or []
    if not claims:
        return template
    volumes = [{"name": claim["metadata"]["name"]} for claim in claims]
    spec = template["spec"]
    return {**template, "spec": {**spec, "volumes": volumes + (spec.get("volumes") or [])}}


def _with_indexes(steps: list[Step], built: Any) -> list[Step]:
    """With the index of an entry that is named by its key, as in containers[name="worker"]."""
    resolved: list[Step] = []
    for step in steps:
        name, _, value = str(step).partition("=")
        entries = built if isinstance(built, list) else []
        index = (i for i, entry in enumerate(entries) if str(entry.get(name)) == value.strip('"'))
        resolved.append(next(index, step))
        built = _at(built, resolved[-1:])
    return resolved


def _translated(steps: list[Step], built: Any, users: Any, field: str) -> tuple[list[Step], bool]:
    """The steps with the indexes of the user's own lists; whether all of these entries are the user's."""
    translated: list[Step] = []
    for step in steps:
        users_step = step if isinstance(step, str) else _index_of(_at(built, [step]), users, field)
        if users_step is None:
            return [*translated, *steps[len(translated) :]], False
        translated.append(users_step)
        field = step if isinstance(step, str) else field
        built, users = _at(built, [step]), _at(users, [users_step])
    return translated, True


def _index_of(entry: Any, users: Any, field: str) -> int | None:
    for index, candidate in enumerate(users if isinstance(users, list) else []):
        key = identity(field, candidate)
        if candidate == entry or (key is not None and key == identity(field, entry)):
            return index
    return None


def _at(value: Any, steps: list[Step]) -> Any:
    for step in steps:
        if isinstance(step, int) and isinstance(value, list):
            value = value[step] if step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _steps(path: str) -> Iterator[Step]:
    for name, key in _STEP.findall(path):
        yield int(key) if key.isdigit() else name or key


def _text(steps: list[Step]) -> str:
    return "".join(
        f"[{step}]" if isinstance(step, int) or not step.isalpha() else f".{step}" for step in steps
    )
