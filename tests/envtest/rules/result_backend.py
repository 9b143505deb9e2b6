"""A WorkerPool's result backend: what is let in and what is refused."""

from taskfleet.api import Object
from tests.envtest.rules.broker import BY_PARTS, PASSWORD, SENTINELS, SOURCE
from tests.envtest.rules.case import Case

URL = {"urlSecretRef": {"name": "results", "key": "url"}}
BROKER = {"broker": {"database": 1}}
DATABASE = {**PASSWORD, "scheme": "db+postgresql", "host": "db", "username": "shop", "database": "results"}


def _case(
    title: str, accepted: Object, rejected: Object, answer: str, field: str = "", *, value: str = "object"
) -> Case:
    path = f"resultBackend.{field}" if field else "resultBackend"
    return Case(
        "WorkerPool",
        f"result-backend-{title}",
        {"resultBackend": accepted},
        {"resultBackend": rejected},
        path,
        f'Invalid value: "{value}": {answer}',
    )


def _without(field: str) -> Object:
    return {name: value for name, value in DATABASE.items() if name != field}


_EITHER = (
    "resultBackend must have exactly one of urlSecretRef, broker and scheme: set urlSecretRef for a whole URL in a "
    "Secret, broker for a database of the pool's Broker, or scheme and host for a result backend by parts."
)
_SCHEME = (
    'scheme "{}" is not supported by parts: use redis, rediss, sentinel, mongodb, or db+ and a dialect of SQLAlchemy such '
    "as db+postgresql, or set urlSecretRef."
)

CASES = (
    _case("twice", BROKER, {**BROKER, **URL}, _EITHER),
    _case("nowhere", URL, {}, _EITHER),
    _case("url-and-parts", BY_PARTS, {**BY_PARTS, **URL}, _EITHER),
    _case(
        "broker-with-a-part",
        {**BY_PARTS, "port": 6379},
        {**BROKER, "port": 6379},
        "host, hosts, port, username, passwordSecretRef and database belong to a result backend by parts: set scheme, or "
        "remove them and use urlSecretRef.",
    ),
    _case(
        "without-a-host",
        {"scheme": "redis", "hostFrom": SOURCE},
        {"scheme": "redis", "port": 6379},
        "a result backend by parts needs a host: set host, or hostFrom for a key of a Secret or ConfigMap.",
    ),
    *(
        _case(
            f"{part}-twice",
            {**DATABASE, part: value},
            {**DATABASE, part: value, f"{part}From": SOURCE},
            f"{part} and {part}From cannot both be set: remove one.",
            f"{part}From",
        )
        for part, value in (("host", "db"), ("port", 5432), ("username", "shop"), ("database", "results"))
    ),
    _case(
        "user-without-a-password",
        DATABASE,
        _without("passwordSecretRef"),
        "a user name needs a password: set passwordSecretRef, or remove username.",
    ),
    _case(
        "database-without-a-user",
        {**_without("username"), "usernameFrom": SOURCE},
        _without("username"),
        "scheme db+postgresql requires a user name with the password: set username or usernameFrom.",
        "passwordSecretRef",
    ),
    _case(
        "without-the-name-of-a-database",
        {**_without("database"), "databaseFrom": SOURCE},
        _without("database"),
        "scheme db+postgresql needs the name of a database: set database or databaseFrom.",
    ),
    _case(
        "redis-with-a-name",
        {**BY_PARTS, "database": 20},
        {**BY_PARTS, "database": "results"},
        "a database of Redis is a number: use a number, such as 0.",
        "database",
    ),
    _case(
        "name-with-a-slash",
        {**DATABASE, "database": "my-results_2.x"},
        {**DATABASE, "database": "a/b"},
        "spec.resultBackend.database in body should match '^[A-Za-z0-9_.~-]{1,255}$'",
        "database",
        value="a/b",
    ),
    _case(
        "host-and-hosts",
        SENTINELS,
        {**SENTINELS, "host": "a"},
        "host and hosts cannot both be set: list each Sentinel in hosts, or remove hosts.",
        "hosts",
    ),
    _case(
        "hosts-of-a-database",
        SENTINELS,
        {**_without("host"), "hosts": ["a", "b"]},
        "a db+postgresql address has one host: set host instead of hosts, or use scheme sentinel.",
        "hosts",
    ),
    _case(
        "sentinel-without-a-master",
        SENTINELS,
        {**BY_PARTS, "scheme": "sentinel"},
        "scheme sentinel and the field sentinel belong together: set sentinel.masterName for Sentinels, or remove "
        "sentinel.",
    ),
    _case(
        "sentinel-of-the-broker",
        {**URL, "sentinel": {"masterName": "main"}},
        {**BROKER, "sentinel": {"masterName": "main"}},
        "the Broker says how to reach its Sentinels: remove sentinel.",
        "sentinel",
    ),
    *(
        _case(
            f"scheme {scheme}", {**DATABASE, "scheme": "db+mysql+pymysql"}, {**DATABASE, "scheme": scheme},
            _SCHEME.format(scheme), "scheme", value="string",
        )
        for scheme in ("postgresql", "db", "rpc", "file", "Redis", "db+postgresql://x")
    ),
    _case(
        "host-twice",
        SENTINELS,
        {**SENTINELS, "hosts": ["a", "a"]},
        "a host is listed twice: list each host once.",
        "hosts",
        value="array",
    ),
    _case(
        "part-from-two-keys",
        {**BY_PARTS, "portFrom": SOURCE},
        {**BY_PARTS, "portFrom": {**SOURCE, "configMapKeyRef": {"name": "redis", "key": "port"}}},
        "a value must come from exactly one of secretKeyRef and configMapKeyRef: set one.",
        "portFrom",
    ),
    _case(
        "host-with-a-port",
        {**BY_PARTS, "host": "fd00::1"},
        {**BY_PARTS, "host": "cache:6379"},
        'the host "cache:6379" is not valid: use a host name or an IP address, without scheme, port and brackets.',
        "host",
        value="string",
    ),
)  # fmt: skip
