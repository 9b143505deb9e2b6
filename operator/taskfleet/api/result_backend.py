"""Where a pool's results are stored: a database of its Broker, or another server by its URL or its parts."""

from typing import Annotated

from pydantic import WithJsonSchema

from taskfleet.api.address_parts import Address, Sentinel, has, has_any, rules_of_parts
from taskfleet.api.base import Model
from taskfleet.api.references import KeySource, SecretKeyRef
from taskfleet.api.schema import Limits, Rule

_REDIS = "['redis', 'rediss', 'sentinel']"
# What SQLAlchemy reads alike in all versions: some leave the name of a database percent-encoded.
DATABASE_PATTERN = "^[A-Za-z0-9_.~-]{1,255}$"
Database = Annotated[
    int | str,
    WithJsonSchema(
        {"x-kubernetes-int-or-string": True, "minimum": 0, "maxLength": 255, "pattern": DATABASE_PATTERN}
    ),
]
"""The number of a Redis database, or the name of another one."""


class BrokerDatabase(Model):
    """A database of the pool's own Redis."""

    database: Annotated[int, Limits(minimum=0, maximum=15)]
    """The number of the database. Database 0 holds the queues."""


class ResultBackend(Address):
    """Where results are stored."""

    rules = (
        Rule(
            "[has(self.urlSecretRef), has(self.broker), has(self.scheme)].filter(given, given).size() == 1",
            "resultBackend must have exactly one of urlSecretRef, broker and scheme: set urlSecretRef for a whole URL in "
            "a Secret, broker for a database of the pool's Broker, or scheme and host for a result backend by parts.",
        ),
        *rules_of_parts("result backend"),
        Rule(
            "!has(self.broker) || !has(self.sentinel)",
            "the Broker says how to reach its Sentinels: remove sentinel.",
            field="sentinel",
        ),
        Rule(
            f"!has(self.scheme) || self.scheme in {_REDIS} || !has(self.passwordSecretRef) || {has('username')}",
            "scheme {self.scheme} requires a user name with the password: set username or usernameFrom.",
            field="passwordSecretRef",
        ),
        Rule(
            f"!has(self.scheme) || !(self.scheme in {_REDIS}) || !has(self.database)"
            " || string(self.database).matches('^[0-9]{1,10}$')",
            "a database of Redis is a number: use a number, such as 0.",
            field="database",
        ),
        Rule(
            f"!has(self.scheme) || self.scheme in {_REDIS} || {has_any('database', 'databaseFrom')}",
            "scheme {self.scheme} needs the name of a database: set database or databaseFrom.",
        ),
    )

    url_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds a result backend URL. Special characters in it must be percent-encoded. Excludes
    broker, scheme and the other parts."""

    broker: BrokerDatabase | None = None
    """A database of the pool's Broker, which must be a Redis."""

    scheme: (
        Annotated[
            str,
            Limits(minLength=1, maxLength=64),
            Rule(
                "self.matches('^(redis|rediss|sentinel|mongodb|db([+][a-z][a-z0-9_]*){1,2})$')",
                'scheme "{self}" is not supported by parts: use redis, rediss, sentinel, mongodb, or db+ and a dialect of '
                "SQLAlchemy such as db+postgresql, or set urlSecretRef.",
            ),
        ]
        | None
    ) = None
    """The kind of result backend, for one by parts: redis, rediss (TLS), sentinel, mongodb, or db+ with a dialect of
    SQLAlchemy and perhaps its driver, such as db+postgresql or db+mysql+pymysql. The parts are put together and
    percent-encoded in the pod."""

    port: Annotated[int, Limits(minimum=1, maximum=65535)] | None = None
    """The port. Defaults to 6379 for redis and rediss, 26379 for sentinel, else to the client's own default."""

    password_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the password, as it is. Workers read it for each new connection to a Redis, else
    when they start. A renewed password or token rolls no pods."""

    database: Database | None = None
    """The number of the Redis database, by default 0, or the name of another database."""

    database_from: KeySource | None = None
    """The key that holds the number or name of the database."""

    sentinel: Sentinel | None = None
    """The Sentinels before the result backend. Required with scheme sentinel. With a sentinel:// URL it
    defaults to that of the Broker."""
