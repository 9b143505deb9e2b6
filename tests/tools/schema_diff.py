"""What the CRDs take away from users of the last release: `python -m tests.tools.schema_diff`, part of `make lint`.

crds/released holds the CRDs of the last release; `--release` renews it. Before the first release there is none, and
every change is allowed. A later CRD may add: a field, a value, a version. It may not remove, narrow, or give a default
where there was none or another one, because objects that are stored would change their meaning or become invalid:
https://kubernetes.io/docs/reference/using-api/deprecation-policy/
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from taskfleet.api import Object

ROOT = Path(__file__).parents[2]
CRDS, RELEASED = ROOT / "crds", ROOT / "crds" / "released"

_LOWER_BOUNDS = ("minimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "maxLength", "maxItems", "maxProperties")
# A change of any of these refuses, or reads otherwise, what was accepted.
_FIXED = (
    "type", "format", "pattern", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-int-or-string",
)  # fmt: skip
_MERGED_WHOLE = "x-kubernetes-map-type"
_FREE = ("nullable", "x-kubernetes-preserve-unknown-fields")


def breaking_changes(released: Object, current: Object) -> list[str]:
    """A sentence for each change of a CRD that breaks its users; both are CustomResourceDefinitions."""
    old, new = released["spec"], current["spec"]
    found = [f"{word} changed." for word in ("group", "scope", "names") if not _kept(old[word], new[word])]
    versions = {one["name"]: one for one in new["versions"]}
    for version in old["versions"]:
        name = version["name"]
        if name not in versions:
            found.append(f"version {name} is gone: it may be in status.storedVersions.")
        elif version["served"] and not versions[name]["served"]:
            found.append(f"version {name} is not served any more.")
        else:
            before, after = (one["schema"]["openAPIV3Schema"] for one in (version, versions[name]))
            found += [f"{name} {sentence}" for sentence in _changes(before, after, "")]
    stored = next(one["name"] for one in new["versions"] if one["storage"])
    if stored not in {one["name"] for one in old["versions"]}:
        found.append(
            f"version {stored} is stored, and the last release does not know it: serve it in one release, "
            "and store it from the next one on, so that a rollback can read what is stored."
        )
    return found


def _kept(old: Any, new: Any) -> bool:
    """Whether everything that was there is there: names may be added to, not taken away."""
    if isinstance(old, dict):
        return all(_kept(value, new.get(name)) for name, value in old.items())
    return set(old) <= set(new) if isinstance(old, list) else bool(old == new)


def _changes(old: Object, new: Object, path: str) -> Iterator[str]:
    where = path or "the root"
    yield from (f"{where}: {sentence}" for sentence in _narrowed(old, new))
    if old.get("default") != new.get("default"):
        yield f"{where}: the default changed from {old.get('default')!r} to {new.get('default')!r}."
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{where}: {name} became required."
    for name, part in old.get("properties", {}).items():
        below = f"{path}.{name}".lstrip(".")
        if name in new.get("properties", {}):
            yield from _changes(part, new["properties"][name], below)
        elif not new.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{below} is gone."
    for word, sign in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(old.get(word), dict):
            yield from _changes(old[word], new.get(word) or {}, path + sign)


def _narrowed(old: Object, new: Object) -> Iterator[str]:
    for word in _FIXED:
        if old.get(word) != new.get(word) and not (word == "pattern" and word not in new):
            yield f"{word} changed from {old.get(word)!r} to {new.get(word)!r}."
    if old.get(_MERGED_WHOLE) != new.get(_MERGED_WHOLE):
        yield f"{_MERGED_WHOLE} changed: an apply would keep other fields than before."
    for word in _FREE:
        if old.get(word) and not new.get(word):
            yield f"{word} is gone."
    if "enum" in new and (lost := [one for one in old.get("enum", [None]) if one not in new["enum"]]):
        yield f"the values {lost} are gone." if "enum" in old else "enum is new."
    for word in _LOWER_BOUNDS:
        if word in new and new[word] > old.get(word, float("-inf")):
            yield f"{word} rose from {old.get(word)} to {new[word]}."
    for word in _UPPER_BOUNDS:
        if word in new and new[word] < old.get(word, float("inf")):
            yield f"{word} fell from {old.get(word)} to {new[word]}."
    known = {rule["rule"] for rule in old.get("x-kubernetes-validations", ())}
    for rule in new.get("x-kubernetes-validations", ()):
        if rule["rule"] not in known:
            yield f"a rule is new: {rule.get('message') or rule['rule']}"


def main(arguments: list[str]) -> int:
    """Print what breaks, 1 if anything does. `--release` makes the CRDs of now the ones to compare with."""
    if "--release" in arguments:
        RELEASED.mkdir(exist_ok=True)
        for path in sorted(CRDS.glob("*.yaml")):
            shutil.copy(path, RELEASED / path.name)
        return 0
    broken = 0
    for path in sorted(RELEASED.glob("*.yaml")):
        current = CRDS / path.name
        released = yaml.safe_load(path.read_text())
        found = (
            breaking_changes(released, yaml.safe_load(current.read_text()))
            if current.exists()
            else ["the kind is gone."]
        )
        for sentence in found:
            print(f"crds/{path.name}: {sentence}")
        broken += len(found)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
