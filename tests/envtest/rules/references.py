"""References to other objects: every field of every kind that holds a name or a key."""

from taskfleet.api import KINDS, Object
from tests.envtest.rules.case import Case

URL = {"name": "company", "key": "url"}


def _external(**references: Object) -> Object:
    return {"external": {"urlSecretRef": URL, **references}}


def _by_parts(**references: Object) -> Object:
    host = {} if "hostFrom" in references else {"host": "cache"}
    # RabbitMQ takes no password without a user.
    server = (
        {"scheme": "amqp", "username": "shop"} if "virtualHostFrom" in references else {"scheme": "redis"}
    )
    return {"external": {**server, **host, "passwordSecretRef": URL, **references}}


def _results(**references: Object | str) -> Object:
    host = {} if "hostFrom" in references else {"host": "cache"}
    return {"resultBackend": {"scheme": "redis", **host, "passwordSecretRef": URL, **references}}


def references(name: str) -> dict[tuple[str, str], Object]:
    """The changes to a valid spec that put `name` into a reference, by kind and by the field below spec."""
    ref = {"name": name, "key": "url"}
    sentinel = {"masterName": "main", "passwordSecretRef": ref}
    return {
        ("Broker", "external.urlSecretRef.name"): _external(urlSecretRef=ref),
        ("Broker", "external.caSecretRef.name"): _external(caSecretRef=ref),
        ("Broker", "external.clientCertificateSecretRef.name"): _external(
            clientCertificateSecretRef={"name": name}
        ),
        ("Broker", "external.sentinel.passwordSecretRef.name"): _external(sentinel=sentinel),
        ("Broker", "external.passwordSecretRef.name"): _by_parts(passwordSecretRef=ref),
        **{
            ("Broker", f"external.{part}From.{kind}KeyRef.name"): _by_parts(
                **{f"{part}From": {f"{kind}KeyRef": ref}}
            )
            for part in ("host", "port", "username", "database", "virtualHost")
            for kind in ("secret", "configMap")
        },
        ("Broker", "redis.storage.storageClassName"): {"redis": {"storage": {"storageClassName": name}}},
        ("WorkerPool", "resultBackend.urlSecretRef.name"): {"resultBackend": {"urlSecretRef": ref}},
        ("WorkerPool", "resultBackend.passwordSecretRef.name"): _results(passwordSecretRef=ref),
        ("WorkerPool", "resultBackend.sentinel.passwordSecretRef.name"): _results(
            scheme="sentinel", sentinel=sentinel
        ),
        **{
            ("WorkerPool", f"resultBackend.{part}From.{kind}KeyRef.name"): _results(
                **{f"{part}From": {f"{kind}KeyRef": ref}}
            )
            for part in ("host", "port", "username", "database")
            for kind in ("secret", "configMap")
        },
        ("WorkerPool", "envFrom[0].secretRef.name"): {"envFrom": [{"secretRef": {"name": name}}]},
        ("WorkerPool", "envFrom[0].configMapRef.name"): {"envFrom": [{"configMapRef": {"name": name}}]},
        ("WorkerPool", "beat.storage.storageClassName"): {"beat": {"storage": {"storageClassName": name}}},
        **{
            (info.kind, "brokerRef.name"): {"brokerRef": {"name": name}} for info in KINDS if info.uses_broker
        },
    }


def refusal_of_name(name: str) -> str:
    """What the API server says of a name that can be none, after the field."""
    return (
        f'Invalid value: "string": the name "{name}" is not valid: use the name of an object '
        "in this namespace, with lower-case letters, digits, - and . only, starting and ending "
        "with a letter or digit."
    )


def _refusal_of_key(key: str) -> str:
    return (
        f'Invalid value: "string": the key "{key}" is not valid: use a key of the object\'s '
        "data, with letters, digits, -, _ and . only."
    )


_CONTROL = (
    'Invalid value: "string": control characters, such as line breaks, are not allowed here: remove them.'
)
_OUTSIDE = "../../other/secrets/x"

CASES = (
    *(
        Case(kind, f"{field}-outside-the-namespace", accepted, rejected, field, refusal_of_name(_OUTSIDE))
        for ((kind, field), accepted), rejected in zip(
            references("db.credentials-2").items(), references(_OUTSIDE).values(), strict=True
        )
    ),
    *(
        Case(
            "Broker",
            title,
            _external(urlSecretRef={"name": "company", "key": "url_Of-it.txt"}),
            _external(urlSecretRef={"name": "company", "key": key}),
            "external.urlSecretRef.key",
            _refusal_of_key(key),
        )
        for title, key in {"key-as-a-path": "../url", "key-of-two-dots": "..", "key-with-a-slash": "a/b"}.items()
    ),
    Case(
        "Broker",
        "sentinel-master-with-a-line-break",
        _external(sentinel={"masterName": "main"}),
        _external(sentinel={"masterName": "main\r\nFLUSHALL"}),
        "external.sentinel.masterName",
        _CONTROL,
    ),
    Case(
        "Broker",
        "key-prefix-with-a-line-break",
        {"globalKeyPrefix": "shop:"},
        {"globalKeyPrefix": "shop:\r\n"},
        "globalKeyPrefix",
        _CONTROL,
    ),
    *(
        Case(kind, "queue-with-a-control-character", {field: good}, {field: bad}, path, _CONTROL)
        for kind, field, good, bad, path in (
            ("WorkerPool", "queues", ["a"], ["a\x1bb"], "queues[0]"),
            ("TaskQueue", "queueName", "a", "a\nb", "queueName"),
            ("PeriodicSchedule", "queue", "a", "a\x00b", "queue"),
        )
    ),
    Case(
        "WorkerPool",
        "key-as-a-path",
        {"resultBackend": {"urlSecretRef": URL}},
        {"resultBackend": {"urlSecretRef": {"name": "company", "key": "../url"}}},
        "resultBackend.urlSecretRef.key",
        _refusal_of_key("../url"),
    ),
)  # fmt: skip
