"""`kubectl taskfleet status`: a fleet on one screen, what asks for attention first; or one pool with its conditions."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from taskfleet.api import KINDS, Key, KindInfo, Object
from taskfleet.api.abnormal_conditions import abnormal_conditions
from taskfleet.api.schema import Column
from taskfleet.api.stored import conditions_of, status_of
from taskfleet.commands.output import Form, ListForm, data_form, print_answer, print_lines
from taskfleet.commands.session import existing
from taskfleet.commands.table import table
from taskfleet.kube.gateway import Gateway

# The paths of printer columns that are understood here.
OF_CONDITION = re.compile(r'\.status\.conditions\[\?\(@\.type=="(\w+)"\)\]\.(\w+)')
PLAIN = re.compile(r"(\.\w+(\[\*\])?)+")
ONE_OF = re.compile(r"\.spec\[(.+)\]")


async def fleet(
    gateway: Gateway, namespace: str | None, *, selector: str = "", form: ListForm | None = None
) -> int:
    """Print all objects of a namespace; without one those of the whole cluster. Raises ApiError."""
    objects = {
        info: sorted(await gateway.list_objects(info.kind, namespace, selector=selector), key=_place)
        for info in KINDS
    }
    if form == "name":
        print_lines(*(f"{info.short_names[0]}/{_place(raw)[1]}" for info in KINDS for raw in objects[info]))
        return 0
    attention = [one for found in objects.values() for raw in found for one in problems(raw)]
    data: Object = {"attention": attention}
    lines = _attention(attention)
    for info, found in objects.items():
        rows = [_row(info, raw, wide=form == "wide") for raw in found]
        data[info.plural] = rows
        if rows:
            lines += ["", f"{info.kind}s", *_listing(rows)]
    print_answer(data, data_form(form), lines if any(objects.values()) else ["No objects of Taskfleet."])
    return 0


async def pool(gateway: Gateway, key: Key, *, form: Form | None = None) -> int:
    """Print one pool: its figures, its conditions, and the last decisions about its size. Raises ApiError."""
    raw = await existing(gateway, key)
    info = next(info for info in KINDS if info.kind == key.kind)
    row = _row(info, raw, wide=True)
    conditions = [{name: one.get(name) for name in _CONDITION} for one in conditions_of(raw)]
    decisions: list[Object] = status_of(raw).get("decisions") or []
    width = max(len(name) for name in row)
    lines = [f"{name.ljust(width)}  {_shown(value)}" for name, value in row.items()]
    lines += ["", *_table([name.upper() for name in _CONDITION], [list(one.values()) for one in conditions])]
    if decisions:
        said = [[one["time"], one["from"], one["to"], one["message"]] for one in decisions]
        lines += ["", *_table(["DECIDED", "FROM", "TO", "BECAUSE"], said)]
    print_answer({**row, "conditions": conditions, "decisions": decisions}, form, lines)
    return 0


_CONDITION = ("type", "status", "reason", "message")


def problems(raw: Object) -> Iterable[Object]:
    """What of an object asks for attention: one entry for each condition."""
    place = {"kind": raw["kind"], **dict(zip(("namespace", "name"), _place(raw), strict=True))}
    return [{**place, **{name: one[name] for name in _CONDITION}} for one in abnormal_conditions(raw)]


def _attention(found: Sequence[Object]) -> list[str]:
    if not found:
        return ["Nothing asks for attention."]
    rows = [
        [one["kind"], f"{one['namespace']}/{one['name']}", f"{one['type']}={one['status']}", one["reason"], one["message"]]
        for one in found
    ]  # fmt: skip
    return ["Asks for attention", *_table(["KIND", "OBJECT", "CONDITION", "REASON", "MESSAGE"], rows)]


def _row(info: KindInfo, raw: Object, *, wide: bool = False) -> Object:
    """The object as `kubectl get` shows it."""
    namespace, name = _place(raw)
    columns = [one for one in info.model.columns if wide or not one.wide]
    return {"Namespace": namespace, "Name": name, **{one.name: value(raw, one) for one in columns}}


def value(raw: Object, column: Column) -> Any:
    """What a printer column's path finds in an object; None: nothing."""
    if found := OF_CONDITION.fullmatch(column.path):
        return next((one.get(found[2]) for one in conditions_of(raw) if one["type"] == found[1]), None)
    if found := ONE_OF.fullmatch(column.path):
        names = [name.strip("'") for name in found[1].split(",")]
        return next((raw["spec"][name] for name in names if raw["spec"].get(name) is not None), None)
    if PLAIN.fullmatch(column.path) is None:
        raise ValueError(f"the path {column.path!r} of column {column.name} is not understood.")
    return _below(raw, column.path.lstrip(".").split("."))


def _below(here: Any, steps: Sequence[str]) -> Any:
    """As JSONPath goes down: [*] is each of a list, which is empty where there is none."""
    if not steps or not isinstance(here, dict):
        return None if steps else here
    name, many, _ = steps[0].partition("[*]")
    if many:
        return [_below(one, steps[1:]) for one in here.get(name) or ()]
    return _below(here.get(name), steps[1:])


def _listing(rows: Sequence[Object]) -> list[str]:
    return _table([name.upper() for name in rows[0]], [list(row.values()) for row in rows])


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Names and sentences are never cut."""
    whole = frozenset(range(len(header)))
    return table(header, [[_shown(cell) for cell in row] for row in rows], whole=whole).splitlines()


def _shown(cell: Any) -> str:
    if cell is None or cell == []:
        return "-"
    return ",".join(str(one) for one in cell) if isinstance(cell, list) else str(cell)


def _place(raw: Object) -> tuple[str, str]:
    return raw["metadata"]["namespace"], raw["metadata"]["name"]
