"""What a property is set to: values that mean something, the first and last that are let in, and some that are not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from taskfleet.api import Object
from tests.envtest.mutations.pod_templates import INVALID_TEMPLATES, TEMPLATES
from tests.envtest.mutations.properties import Property
from tests.envtest.mutations.surroundings import COLLECTOR, URL


@dataclass(frozen=True)
class Value:
    title: str
    value: Any
    valid: bool = True


@dataclass(frozen=True)
class Format:
    """A form of text, known by a phrase in the messages of its rules."""

    phrase: str
    valid: tuple[str, ...]
    invalid: tuple[str, ...]


_FORMATS = (
    Format("is too long", ("90s", "30m"), ("30m1s", "0s", "90", "")),
    Format("is too short", ("90s", "1h30m", "99999h999999m99999999s"), ("0s", "90", "-1s", "")),
    Format("is not a valid duration", ("0s", "90s", "99999h999999m99999999s"), ("90", "-1s", "")),
    Format("is not a valid size", ("2Gi", "3G", "999999999999999999Ti"), ("0Gi", "1", "1.5Gi", "")),
    Format("the name of an object", ("other", "a", "a" * 253), ("Other", "../other", "a" * 254, "")),
    Format("a key of the object", ("other", ".a", "a" * 253), ("a/b", "..", "a" * 254, "")),
    Format("the host", ("cache", "10.0.0.1", "fd00::1"), ("redis://cache", "cache:6379", "[fd00::1]", "")),
    Format(
        "the endpoint",
        ("http://collector:4318", "https://[fd00::1]/tenant"),
        ("collector:4318", "http://user:password@collector", "http://collector:65536", ""),
    ),
    Format("is not a valid variable name", ("other", "with: odd 'signs'"), ("ü", "a=b", "")),
    Format("is not the name of a function", ("shop.setup:prepare", "a:b"), ("shop.setup", "a:b:c", "")),
    Format("queue name", ("other", "ü.x-1", "q" * 200), ("a,b", " a", "a\nb", "q" * 201, "")),
    Format(
        "is not a valid cron schedule",
        ("*/5 * * * *", "@daily", "0 12 L * 5#3"),
        ("61 * * * *", "0 0 30 2 *", "soon"),
    ),
    Format("IANA time zone", ("Europe/Berlin", "America/Argentina/Buenos_Aires"), ("Mars/Base", "Local", "")),
    Format("is set by a field", ("-E", "--statedb=/tmp/state"), ("-A", "--queues=a", "")),
)
_MOMENTS = Format("", ("2031-01-31T08:00:00+01:00", "2001-01-01T00:00:00Z"), ("2030-01-31", "soon"))

_SELECTOR = {"podSelector": {"matchLabels": {"app": "web"}}}
_BLOCK = {"ipBlock": {"cidr": "10.0.0.0/8"}}
_FROM_SECRET = {"secretRef": {"name": "company"}}
_FROM_CONFIG_MAP = {"prefix": "P_", "configMapRef": {"name": "settings", "optional": True}}
_ANYTHING: tuple[Object, ...] = (
    {},
    {"b": [1, {"c": None}], "a": "ü😀"},
    {"a": "ü😀", "b": [1, {"c": None}]},
    {"deep": {"er": [[]]}},
)
# Of what the schema does not know: the values, and those that are refused later.
_OPEN: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    # No PeriodicSchedule, no pod that the API server could reject.
    "schedules.template": (
        TEMPLATES,
        ({"metadata": {"annotations": ["a"]}}, {"spec": {"containers": ["beat"]}}),
    ),
    "template": (TEMPLATES, INVALID_TEMPLATES),
    "networkPolicy.admit[]": (
        (_SELECTOR, _BLOCK, {**_SELECTOR, "namespaceSelector": {}}),
        ({"podSelector": "web"}, {"ipBlock": {"cidr": "everywhere"}}, {"color": "red"}, {}),
    ),
    "valueFrom": (
        (
            {"secretKeyRef": URL},
            {"configMapKeyRef": {**URL, "optional": True}},
            {"fieldRef": {"fieldPath": "metadata.uid"}},
        ),
        ({"color": "red"}, {"secretKeyRef": "company"}, {}),
    ),
    "args[]": ((None, 1, 1.5, True, "ü😀", [], {"a": [None]}), ()),
    "kwargs": (_ANYTHING, ()),
    "headers": (_ANYTHING, ()),
}
# Not up to the maximum: so many pods would be made.
_SIZES = (0, 1, 3)
_NUMBERS: dict[str, tuple[int, ...]] = {
    "replicas": _SIZES,
    "autoscale.minReplicas": _SIZES,
    "processAutoscale.min": (1, 4),
    "processAutoscale.max": (2, 10000),
}
_OTHERS: dict[str, tuple[Any, ...]] = {
    "env": ([{"name": "A", "value": "1"}, {"name": "B"}], [{"name": "B"}, {"name": "A", "value": "1"}]),
    "env[]": ({"name": "B", "value": "2"}, {"name": "PATH", "value": ""}),
    "envFrom": ([_FROM_SECRET, _FROM_CONFIG_MAP], [_FROM_CONFIG_MAP, _FROM_SECRET], [_FROM_SECRET] * 100),
    "envFrom[]": (_FROM_SECRET, _FROM_CONFIG_MAP),
    "launcher": (["ddtrace-run"], ["sh", "-c", 'exec "$0" "$@"'], ["x"] * 20),
    "setup": (["shop.setup:prepare"], ["b:b", "a:a"], ["a:a"] * 20),
    "excludeQueues": (["a", "b"], ["b", "a"], [f"q{number}" for number in range(100)]),
    "queues": (["a", "b"], ["b", "a"], [f"q{number}" for number in range(100)]),
    "prioritySteps": ([0, 5], [0], [0, 255], list(range(16))),
    "prioritySteps[]": (0,),
    "extraArgs": (["-E", "--statedb=/s"], ["--statedb=/s", "-E"], ["-E"] * 50),
    "args": ([1, "two"], ["two", 1], [None] * 1000),
    "networkPolicy.admit": ([], [_SELECTOR, _BLOCK], [_BLOCK, _SELECTOR], [_SELECTOR] * 50),
    "autoscale": (
        {"maxReplicas": 2},
        {"minReplicas": 1, "maxReplicas": 1, "behavior": {"scaleDown": {"stabilizationWindow": "1s"}}},
    ),
    "scaleUp": (
        {},
        {"policies": [{"type": "Pods", "value": 4, "period": "15s"}]},
        {"stabilizationWindow": "1m", "selectPolicy": "Min"},
    ),
    "policies": (
        [],
        [{"type": "Pods", "value": 4, "period": "15s"}, {"type": "Percent", "value": 100, "period": "1m"}],
        [{"type": "Pods", "value": 1, "period": "1s"}] * 10,
    ),
    "policies[]": ({"type": "Percent", "value": 50, "period": "30m"},),
    "recycle": ({"maxAge": "24h"}, {"maxMemory": "1Gi"}, {"maxAge": "24h", "maxMemory": "1Gi"}),
    "processAutoscale": ({"min": 1, "max": 1}, {"max": 10000, "min": 1}),
    "resultBackend": (
        {"urlSecretRef": URL},
        {"broker": {"database": 15}},
        {"scheme": "db+mysql+pymysql", "host": "db.example", "database": "shop"},
    ),
    "resultBackend.scheme": ("redis", "rediss"),
    "resultBackend.database": (0, 15, "3"),
    "hosts": (["a.example"], ["b.example", "fd00::1"], [f"s{number}.example" for number in range(20)]),
    "hosts[]": ("c.example", "10.0.0.1"),
    "otlp": ({"endpoint": COLLECTOR}, {"sampling": 0.01, "endpoint": COLLECTOR, "headersSecretRef": URL}),
    "external": ({"urlSecretRef": URL}, {"scheme": "redis", "host": "cache.example"}),
    **{
        f"{part}From": ({"secretKeyRef": URL}, {"configMapKeyRef": URL})
        for part in ("host", "port", "username", "database", "virtualHost")
    },
    "solar": ({"event": "sunset", "latitude": -90, "longitude": 180},),
    "alertAbove": ({"waiting": 0}, {"age": "1s"}, {"age": "1m", "waiting": 3}),
    "sentinel": ({"masterName": "main"}, {"tls": True, "masterName": "main"}),
    "broker": ({"database": 0}, {"database": 15}),
}


def values(one: Property) -> Iterator[Value]:
    yield from _of_kind(one)
    if one.schema.get("nullable"):
        yield Value("null", None)
    if (wrong := _of_another_type(one.schema)) is not None:
        yield Value("another type", wrong, valid=False)


def _of_kind(one: Property) -> Iterator[Value]:
    schema = one.schema
    if (known := _about(one, _OPEN)) is not None:
        yield from _named(known[0], known[1])
    elif (others := _about(one, _OTHERS)) is not None:
        yield from _named(others, _too_many(schema))
    elif "enum" in schema:
        yield from _named(tuple(schema["enum"]), ("Nonsense", ""))
    elif schema.get("x-kubernetes-int-or-string") and "%" in schema["pattern"]:
        yield from _named((1, "25%", "100%"), ("1500m", "101%", -1))
    elif schema.get("x-kubernetes-int-or-string"):
        yield from _named((1, "1500m", "0"), ("much", "-1", "1" * 33))
    else:
        yield from _by_type(one)


def _by_type(one: Property) -> Iterator[Value]:
    kind = one.schema.get("type")
    if kind == "boolean":
        yield from _named((True, False), ())
    elif kind in ("integer", "number"):
        yield from _numbers(one)
    elif kind == "string":
        yield from _texts(one.schema)
    elif kind == "object" and "properties" in one.schema:
        yield from _objects(one.schema)
    elif kind == "object":
        yield from _named(({}, {"cpu": "1", "memory": "1Gi"}, {"memory": "1Gi", "cpu": "1"}), ())
    else:
        raise AssertionError(f"{one}: no value is known for {one.schema}")


def _objects(schema: Object) -> Iterator[Value]:
    """Whole maps: those that need fields get the fields of a reference."""
    if set(schema.get("required", [])) <= {"name", "key"} and "required" in schema:
        fields = {name: URL[name] for name in schema["required"]}
        yield from _named((fields, dict(reversed(fields.items()))), ({},))
    else:
        yield from _named(({},), ())


def _numbers(one: Property) -> Iterator[Value]:
    least, most = one.schema.get("minimum"), one.schema.get("maximum")
    ends = tuple(end for end in (least, most if most is not None else 2**31 - 1) if end is not None)
    beyond = ((least - 1,) if least is not None else ()) + ((most + 1,) if most is not None else ())
    yield from _named(
        _NUMBERS.get(one.path, ends), (*beyond, *((1.5,) if one.schema["type"] == "integer" else ()))
    )


def _texts(schema: Object) -> Iterator[Value]:
    if schema.get("format") == "date-time":
        yield from _named(_MOMENTS.valid, _MOMENTS.invalid)
        return
    rules = " ".join(rule["message"] for rule in schema.get("x-kubernetes-validations", []))
    form = next((form for form in _FORMATS if form.phrase in rules), None)
    if form is not None:
        yield from _named(form.valid, form.invalid)
        return
    longest, empty = schema.get("maxLength", 2000), schema.get("minLength", 0) == 0
    ends = ("x" * longest, *(("",) if empty else ()))
    beyond = (("x" * (longest + 1),) if "maxLength" in schema else ()) + (() if empty else ("",))
    yield from _named(("other", "with: odd 'signs' ü😀"[:longest], *ends), beyond)


def _too_many(schema: Object) -> tuple[Any, ...]:
    most = schema.get("maxItems")
    return (
        ()
        if most is None
        else ([{"name": f"n{at}"} if "properties" in schema["items"] else at for at in range(most + 1)],)
    )


def _of_another_type(schema: Object) -> Any:
    """A value that is refused for its type; None where every type is let in."""
    if schema.get("x-kubernetes-int-or-string"):
        return [1]
    return {
        "string": 7,
        "boolean": "yes",
        "integer": "many",
        "number": "many",
        "array": "text",
        "object": "text",
    }.get(schema.get("type", ""))


def _named(valid: tuple[Any, ...], invalid: tuple[Any, ...]) -> Iterator[Value]:
    for value in valid:
        yield Value(_title(value), value)
    for value in invalid:
        yield Value(_title(value), value, valid=False)


def _title(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}… ({len(text)} characters)"


def _about(one: Property, table: Mapping[str, tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """The entry under the end of the property's path."""
    return next((known for end, known in table.items() if f".{one.path}".endswith(f".{end}")), None)
