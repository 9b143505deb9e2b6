"""The user's partial pod template laid over the one that the operator builds.

Maps merge, lists merge by their Kubernetes keys, other lists are replaced. A null takes away what the
operator would have set.
"""

import re
from typing import Any

from taskfleet.api import Object
from taskfleet.resources.errors import SpecError
from taskfleet.resources.list_keys import KEYLESS_SETS, LIST_KEYS, QUANTITY_MAPS, Identity, identity

# Merged, an entry could hold two sources at once (emptyDir and configMap, value and valueFrom).
_REPLACED_ENTRIES = frozenset({"volumes", "env", "volumeMounts"})

_QUANTITY = re.compile(r"[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*")  # as apimachinery reads one


def merge_template(built: Object, user: Object, *, path: str) -> Object:
    """`built` with `user` over it; neither is changed. `path` names the user's field in errors.

    Raises SpecError for `$patch` and the like, for a list entry without its key, for a key given twice, and
    where the user gives a list for a map or the other way round.
    """
    merged = dict(built)
    for field, value in user.items():
        where = f"{path}.{field}"
        if field in QUANTITY_MAPS and isinstance(value, dict):
            _check_quantities(value, where)
        if field.startswith("$"):
            raise SpecError(
                f"{where}: patch directives are not supported. Remove the directive. To replace "
                "or remove a value, set the new value or null."
            )
        if value is None:
            merged.pop(field, None)
        else:
            merged[field] = _merge_value(field, merged.get(field), value, where)
    return merged


def _check_quantities(amounts: Object, path: str) -> None:
    """Reject an invalid amount, because the API server's own message does not name it."""
    for name, amount in amounts.items():
        if amount is not None and not _QUANTITY.fullmatch(str(amount)):
            raise SpecError(
                f"{path}.{name} is {amount!r:.80}, which is not a valid quantity. Use a value such as "
                "500m, 2 or 1Gi."
            )


def _merge_value(field: str, built: Any, user: Any, path: str) -> Any:
    for kind, name in ((dict, "a map"), (list, "a list")):
        if isinstance(built, kind) and not isinstance(user, kind):
            raise SpecError(f"{path} is {user!r:.80}, but must be {name}. Write it as in a pod template.")
    if isinstance(user, dict):
        return merge_template(built or {}, user, path=path)
    if not isinstance(user, list):
        return user
    if field in LIST_KEYS:
        return _merge_keyed(field, built or [], user, path)
    entries = [_merge_value("", None, entry, f"{path}[{index}]") for index, entry in enumerate(user)]
    return _without_repeats([*(built or []), *entries]) if field in KEYLESS_SETS else entries


def _merge_keyed(field: str, built: list[Any], user: list[Any], path: str) -> list[Any]:
    merged: dict[Identity | None, Any] = {identity(field, entry): entry for entry in built}
    key_name = LIST_KEYS[field][0]
    seen: set[Identity | None] = set()
    for index, entry in enumerate(user):
        key, where = identity(field, entry), f"{path}[{index}]"
        if key is None:
            raise SpecError(f"{where} has no {key_name}, which identifies the entries of {field}. Add it.")
        if key in seen:
            raise SpecError(f"{where} is a duplicate ({key_name} {key[0]!r}). Remove one of the entries.")
        seen.add(key)
        if field in _REPLACED_ENTRIES:
            # To the user's place: $(VAR) in a variable sees only the variables before it.
            merged.pop(key, None)
        merged[key] = merge_template(merged.get(key, {}), entry, path=where)
    return list(merged.values())


def _without_repeats(entries: list[Any]) -> list[Any]:
    unique: list[Any] = []
    for entry in entries:
        if entry not in unique:
            unique.append(entry)
    return unique
