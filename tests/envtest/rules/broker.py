"""Broker: what is let in and what is refused."""

from functools import partial

from taskfleet.api import Object
from tests.envtest.rules.case import Case

OBJECT, ARRAY, STRING = (f'Invalid value: "{kind}": ' for kind in ("object", "array", "string"))
EXTERNAL = {"urlSecretRef": {"name": "redis", "key": "url"}}
SHRINK = (
    f"{OBJECT}redis.storage.size cannot shrink: restore the previous value, or delete the Broker "
    "and its volume, which deletes its messages."
)
CLASS = (
    f"{OBJECT}redis.storage.storageClassName cannot change: restore the previous value, or delete "
    "the Broker and its volume, which deletes its messages."
)


_case = partial(Case, "Broker")


def _storage(**storage: str) -> Object:
    return {"redis": {"storage": storage}}


BY_PARTS = {"scheme": "redis", "host": "cache"}
SENTINELS = {"scheme": "sentinel", "hosts": ["a", "b"], "sentinel": {"masterName": "main"}}
PASSWORD = {"passwordSecretRef": {"name": "redis", "key": "password"}}
SOURCE = {"secretKeyRef": {"name": "redis", "key": "part"}}


def _part(title: str, accepted: Object, rejected: Object, answer: str, field: str = "") -> Case:
    path = f"external.{field}" if field else "external"
    return _case(title, {"external": accepted}, {"external": rejected}, path, f"{OBJECT}{answer}")


_EITHER = (
    "external must have exactly one of urlSecretRef and scheme: set urlSecretRef for a whole URL in a Secret, or "
    "scheme and host for a broker by parts."
)
_PARTS = (
    _part("external-without-an-address", EXTERNAL, {"insecureSkipVerify": False}, _EITHER),
    _part("url-and-parts", BY_PARTS, {**BY_PARTS, **EXTERNAL}, _EITHER),
    _part(
        "url-with-a-part",
        {**BY_PARTS, **PASSWORD},
        {**EXTERNAL, **PASSWORD},
        "host, hosts, port, username, passwordSecretRef, database and virtualHost belong to a broker by parts: set "
        "scheme, or remove them and use urlSecretRef.",
    ),
    _part(
        "parts-without-a-host",
        {"scheme": "redis", "hostFrom": SOURCE},
        {"scheme": "redis", "port": 6379},
        "a broker by parts needs a host: set host, or hostFrom for a key of a Secret or ConfigMap.",
    ),
    *(
        _part(
            f"{part}-twice",
            {**BY_PARTS, **PASSWORD, "scheme": scheme, "username": "app", part: value},
            {**BY_PARTS, **PASSWORD, "scheme": scheme, "username": "app", part: value, f"{part}From": SOURCE},
            f"{part} and {part}From cannot both be set: remove one.",
            f"{part}From",
        )
        for part, value, scheme in (
            ("host", "cache", "redis"),
            ("port", 6379, "redis"),
            ("username", "app", "redis"),
            ("database", 1, "redis"),
            ("virtualHost", "shop", "amqp"),
        )
    ),
    _part(
        "user-without-a-password",
        {**BY_PARTS, **PASSWORD, "username": "app"},
        {**BY_PARTS, "username": "app"},
        "a user name needs a password: set passwordSecretRef, or remove username.",
    ),
    _part(
        "rabbitmq-without-a-user",
        {**BY_PARTS, **PASSWORD, "scheme": "amqp", "usernameFrom": SOURCE},
        {**BY_PARTS, **PASSWORD, "scheme": "amqp"},
        "RabbitMQ requires a user name with the password: set username or usernameFrom.",
        "passwordSecretRef",
    ),
    _part(
        "database-of-rabbitmq",
        {**BY_PARTS, "database": 1},
        {**BY_PARTS, "database": 1, "scheme": "amqps"},
        "database is not a part of amqps addresses: remove it, or use scheme redis or rediss or sentinel.",
    ),
    _part(
        "virtual-host-of-redis",
        {**BY_PARTS, "virtualHost": "shop", "scheme": "amqp"},
        {**BY_PARTS, "virtualHost": "shop"},
        "virtualHost is not a part of redis addresses: remove it, or use scheme amqp or amqps.",
    ),
    _part(
        "sentinel-without-a-master",
        {**BY_PARTS, "scheme": "sentinel", "sentinel": {"masterName": "main"}},
        {**BY_PARTS, "scheme": "sentinel"},
        "scheme sentinel and the field sentinel belong together: set sentinel.masterName for Sentinels, or remove "
        "sentinel.",
    ),
    _part(
        "host-and-hosts",
        SENTINELS,
        {**SENTINELS, "hostFrom": SOURCE},
        "host and hosts cannot both be set: list each Sentinel in hosts, or remove hosts.",
        "hosts",
    ),
    _part(
        "hosts-of-redis",
        SENTINELS,
        {"scheme": "redis", "hosts": ["a", "b"]},
        "a redis address has one host: set host instead of hosts, or use scheme sentinel.",
        "hosts",
    ),
    _case(
        "host-twice",
        {"external": SENTINELS},
        {"external": {**SENTINELS, "hosts": ["a", "b", "a"]}},
        "external.hosts",
        f"{ARRAY}a host is listed twice: list each host once.",
    ),
    _case(
        "hosts-with-a-port",
        {"external": {**SENTINELS, "hosts": ["fd00::1", "b"], "port": 26380}},
        {"external": {**SENTINELS, "hosts": ["a", "b:26380"]}},
        "external.hosts[1]",
        f'{STRING}the host "b:26380" is not valid: use a host name or an IP address, without scheme, port and brackets.',
    ),
    _part(
        "ca-without-tls",
        {**BY_PARTS, "scheme": "rediss", "caSecretRef": {"name": "ca", "key": "ca.crt"}},
        {**BY_PARTS, "caSecretRef": {"name": "ca", "key": "ca.crt"}},
        "scheme redis does not use TLS, but caSecretRef, clientCertificateSecretRef or insecureSkipVerify is set: use "
        "scheme rediss or amqps, set sentinel.tls for Sentinels, or remove the field.",
    ),
    _part(
        "part-from-two-keys",
        {**BY_PARTS, "portFrom": SOURCE},
        {**BY_PARTS, "portFrom": {**SOURCE, "configMapKeyRef": {"name": "redis", "key": "port"}}},
        "a value must come from exactly one of secretKeyRef and configMapKeyRef: set one.",
        "portFrom",
    ),
    _case(
        "host-with-a-port",
        {"external": {**BY_PARTS, "host": "fd00::1"}},
        {"external": {**BY_PARTS, "host": "cache:6379"}},
        "external.host",
        f'{STRING}the host "cache:6379" is not valid: use a host name or an IP address, without scheme, port and '
        "brackets.",
    ),
    _case(
        "scheme-of-valkey",
        {"external": {**BY_PARTS, "scheme": "redis"}},
        {"external": {**BY_PARTS, "scheme": "valkey"}},
        "external.scheme",
        'Unsupported value: "valkey": supported values: "redis", "rediss", "sentinel", "amqp", "amqps"',
    ),
)

WORDS, PROBE = ["x"], {"tcpSocket": {"port": 1}}


def _of_beat(field: str, value: object) -> Case:
    """What only the operator sets in the beat of schedules; in another container it is the user's."""

    def with_container(name: str) -> Object:
        return {"schedules": {"template": {"spec": {"containers": [{"name": name, field: value}]}}}}

    return _case(
        f"{field}-of-the-beat-of-schedules",
        with_container("sidecar"),
        with_container("beat"),
        "schedules.template.spec.containers",
        f"{OBJECT}{field} of the beat's pod is set by the operator: remove it.",
    )


_SCHEDULES = (
    _of_beat("command", WORDS),
    _of_beat("args", WORDS),
    _of_beat("readinessProbe", PROBE),
    _of_beat("livenessProbe", PROBE),
    _of_beat("startupProbe", PROBE),
    _case(
        "grace-period-of-the-beat-of-schedules",
        {"schedules": {"template": {"spec": {"priority": 1}}}},
        {"schedules": {"template": {"spec": {"terminationGracePeriodSeconds": 60}}}},
        "schedules.template.spec.terminationGracePeriodSeconds",
        f"{OBJECT}terminationGracePeriodSeconds of the beat's pod is set by the operator: remove it.",
    ),
)

VALID_SPEC: Object = {}
CASES = (
    _case(
        "managed-beside-external",
        {"external": EXTERNAL},
        {"external": EXTERNAL, "redis": {}},
        "redis",
        f"{OBJECT}redis and external cannot both be set: remove external for a managed Redis, or "
        "remove redis.",
    ),
    *_PARTS,
    *_SCHEDULES,
    _case(
        "requests-above-limits",
        {"redis": {"resources": {"requests": {"cpu": 1}, "limits": {"cpu": "1000m"}}}},
        {"redis": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}},
        "redis.resources.requests",
        f"{OBJECT}a request exceeds its limit: lower the request or raise the limit.",
    ),
    _case(
        "name-of-a-resource",
        {"redis": {"resources": {"limits": {"memory": "1Gi"}}}},
        {"redis": {"resources": {"limits": {"memory ": "1Gi"}}}},
        "redis.resources.limits",
        f"{OBJECT}a resource name is not valid: use cpu, memory, or a name such as nvidia.com/gpu.",
    ),
    _case(
        "image-with-a-space",
        {"redis": {"image": "redis:8"}},
        {"redis": {"image": "redis:8 "}},
        "redis.image",
        f'{STRING}"redis:8 " starts or ends with a space: remove the space.',
    ),
    _case(
        "volume-shrinks",
        _storage(size="2048Mi"),
        _storage(size="1Gi"),
        "",
        SHRINK,
        before=_storage(size="2Gi"),
    ),
    _case(
        "volume-of-an-empty-spec-shrinks",
        _storage(size="2Gi"),
        _storage(size="512Mi"),
        "",
        SHRINK,
        before={},
    ),
    _case(
        "storage-class-changes",
        _storage(storageClassName="fast", size="2Gi"),
        _storage(storageClassName="slow"),
        "",
        CLASS,
        before=_storage(storageClassName="fast"),
    ),
    _case(
        "storage-class-of-an-empty-spec-changes",
        {"redis": {}},
        _storage(storageClassName="fast"),
        "",
        CLASS,
        before={},
    ),
    _case(
        "an-external-broker-may-become-any-managed-one",
        _storage(storageClassName="fast", size="100Mi"),
        {"external": EXTERNAL, "redis": {}},
        "redis",
        f"{OBJECT}redis and external cannot both be set: remove external for a managed Redis, or "
        "remove redis.",
        before={"external": EXTERNAL},
    ),
    _case(
        "volume-size-without-a-unit",
        _storage(size="10Gi"),
        _storage(size="10"),
        "redis.storage.size",
        f'{STRING}"10" is not a valid size: use a whole number with a unit, such as 256Mi or 1Gi.',
    ),
    _case(
        "maxmemory-without-a-unit",
        {"redis": {"maxMemory": "1G"}},
        {"redis": {"maxMemory": "1 Gi"}},
        "redis.maxMemory",
        f'{STRING}"1 Gi" is not a valid size: use a whole number with a unit, such as 256Mi or 1Gi.',
    ),
    _case(
        "visibility-timeout-of-zero",
        {"visibilityTimeout": "12h"},
        {"visibilityTimeout": "0s"},
        "visibilityTimeout",
        f"{STRING}0s is too short: use at least 1s, or remove the field.",
    ),
    _case(
        "visibility-timeout-in-seconds",
        {"visibilityTimeout": "3600s"},
        {"visibilityTimeout": "3600"},
        "visibilityTimeout",
        f'{STRING}"3600" is not a valid duration: use hours, minutes and seconds, such as 30s, 5m or 1h30m.',
    ),
    *(
        _case(
            f"priority-steps-{name}",
            {"prioritySteps": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]},
            {"prioritySteps": steps},
            "prioritySteps",
            f"{ARRAY}prioritySteps must start with 0 and be in ascending order: use values such "
            "as [0, 3, 6, 9].",
        )
        for name, steps in {"without-0": [3, 6], "falling": [0, 6, 3], "twice": [0, 3, 3]}.items()
    ),
)
