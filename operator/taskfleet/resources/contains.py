"""Whether a live object still holds everything that was built, so that an apply would change nothing."""

from typing import Any

from taskfleet.api import Object, parse_quantity
from taskfleet.resources.list_keys import KEYLESS_SETS, LIST_KEYS, QUANTITY_MAPS, identity

_QUANTITIES = frozenset({"sizeLimit", "divisor"})

# One entry more means something else, so the API server lets such a map have one owner only.
_WHOLE_MAPS = frozenset({"selector", "matchLabels", "nodeSelector"})

# The API server drops zero values of most fields, so a built zero without a live value is no difference. Here
# absent means something else than zero.
_ZERO_IS_NOT_ABSENT = frozenset({
    "allowPrivilegeEscalation", "automountServiceAccountToken", "emptyDir", "fsGroup", "hostUsers",
    "labelSelector", "namespaceSelector", "runAsGroup", "runAsUser", "selector", "tolerationSeconds",
})  # fmt: skip


def contains(live: Object, built: Object) -> bool:
    """True when `live` has every field of `built` with its value. What others added does not matter."""
    return first_difference(live, built) is None


def first_difference(live: Object, built: Object) -> str | None:
    """The path of the first field of `built` that `live` lacks or has otherwise; None when there is none.

    Names no value: the object may be a Secret.
    """
    return _differs_in_map(live, built, "")


def _differs_in_map(live: Object, built: Object, path: str) -> str | None:
    for field, value in built.items():
        if live.get(field) == value:  # most are: the quick answer
            continue
        where = f"{path}.{field}" if path else field
        if field not in live:
            if _is_absent(field, value):
                continue
            return where
        if difference := _differs(field, live[field], value, where):
            return difference
    return None


def _is_absent(field: str, built: Any) -> bool:
    return built is None or (not built and field not in _ZERO_IS_NOT_ABSENT)


def _differs(field: str, live: Any, built: Any, path: str) -> str | None:
    if built is None:
        return None
    if isinstance(built, dict):
        if not isinstance(live, dict) or (field in _WHOLE_MAPS and live != built):
            return path
        if field in QUANTITY_MAPS:
            return _differs_in_quantities(live, built, path)
        return _differs_in_map(live, built, path)
    if isinstance(built, list):
        return _differs_in_list(field, live, built, path) if isinstance(live, list) else path
    same = _same_quantity(live, built) if field in _QUANTITIES else live == built
    return None if same else path


def _differs_in_quantities(live: Object, built: Object, path: str) -> str | None:
    for name, amount in built.items():
        if name not in live or not _same_quantity(live[name], amount):
            return f"{path}.{name}"
    return None


def _differs_in_list(field: str, live: list[Any], built: list[Any], path: str) -> str | None:
    if field in LIST_KEYS:
        return _differs_in_keyed_list(field, live, built, path)
    if field in KEYLESS_SETS:
        missing = (
            index for index, entry in enumerate(built) if not any(_holds(other, entry) for other in live)
        )
        return next((f"{path}[{index}]" for index in missing), None)
    if len(live) != len(built):
        return path
    pairs = enumerate(zip(live, built, strict=True))
    return next((f"{path}[{index}]" for index, (other, entry) in pairs if not _holds(other, entry)), None)


def _differs_in_keyed_list(field: str, live: list[Any], built: list[Any], path: str) -> str | None:
    for index, entry in enumerate(built):
        other = live[index] if index < len(live) else None  # where it mostly is
        if other == entry:
            continue
        wanted = identity(field, entry)
        if identity(field, other) != wanted:
            other = next((each for each in live if identity(field, each) == wanted), None)
        if other is None:
            return f"{path}[{index}]"
        if difference := _differs_in_map(other, entry, f"{path}[{index}]"):
            return difference
    return None


def _holds(live: Any, built: Any) -> bool:
    return _differs("", live, built, "entry") is None


def _same_quantity(live: Any, built: Any) -> bool:
    """Whether both mean the same amount, as 1 and 1000m do."""
    try:
        return parse_quantity(live) == parse_quantity(built)
    except ValueError:
        return bool(live == built)
