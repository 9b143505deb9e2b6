"""The address of a server by its parts, each a value or a key of a Secret or ConfigMap: of a broker and a result backend."""

from typing import Annotated

from taskfleet.api.base import Model
from taskfleet.api.references import KeySource, SecretKeyRef
from taskfleet.api.schema import PRINTABLE_RULE, Limits, Rule

Host = Annotated[
    str,
    Limits(minLength=1, maxLength=253),
    Rule(
        "self.matches('^([A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$')",
        'the host "{self}" is not valid: use a host name or an IP address, without scheme, port and brackets.',
    ),
]
"""A host name or an IP address."""

# Each may be a value or come from a key.
_TEXTS = ("host", "port", "username", "database")


class Sentinel(Model):
    """The Redis Sentinels that report the master."""

    master_name: Annotated[str, Limits(minLength=1, maxLength=253), PRINTABLE_RULE]
    """The master's name in the Sentinels' configuration."""

    password_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the password of the Sentinels, if they require one. The password of the address is
    the master's."""

    tls: bool = False
    """Uses TLS for the Sentinels and for the servers behind them. A sentinel:// URL cannot express it."""


def has_any(*fields: str) -> str:
    """CEL: whether one of the fields is set."""
    return " || ".join(f"has(self.{field})" for field in fields)


def has(field: str) -> str:
    """CEL: whether a part is set, as a value or by a key."""
    return f"({has_any(field, f'{field}From')})"


def not_both(field: str) -> Rule:
    """Refuse a part that is a value and comes from a key."""
    return Rule(
        f"!has(self.{field}) || !has(self.{field}From)",
        f"{field} and {field}From cannot both be set: remove one.",
        field=f"{field}From",
    )


def rules_of_parts(server: str, *more: str) -> tuple[Rule, ...]:
    """What holds of every address by parts. `server`: what is at the address; `more`: fields that only it has."""
    parts = (
        "hosts",
        "passwordSecretRef",
        *(each for one in (*_TEXTS, *more) for each in (one, f"{one}From")),
    )
    names = ["host", "hosts", "port", "username", "passwordSecretRef", "database", *more]
    return (
        Rule(
            f"has(self.scheme) || !({has_any(*parts)})",
            f"{', '.join(names[:-1])} and {names[-1]} belong to a {server} by parts: set scheme, or remove them and use "
            "urlSecretRef.",
        ),
        Rule(
            f"!has(self.scheme) || {has('host')} || has(self.hosts)",
            f"a {server} by parts needs a host: set host, or hostFrom for a key of a Secret or ConfigMap.",
        ),
        *(not_both(field) for field in (*_TEXTS, *more)),
        Rule(
            f"!has(self.hosts) || !{has('host')}",
            "host and hosts cannot both be set: list each Sentinel in hosts, or remove hosts.",
            field="hosts",
        ),
        Rule(
            "!has(self.hosts) || !has(self.scheme) || self.scheme == 'sentinel'",
            "a {self.scheme} address has one host: set host instead of hosts, or use scheme sentinel.",
            field="hosts",
        ),
        Rule(
            f"!{has('username')} || has(self.passwordSecretRef)",
            "a user name needs a password: set passwordSecretRef, or remove username.",
        ),
        Rule(
            "!has(self.scheme) || (self.scheme == 'sentinel') == has(self.sentinel)",
            "scheme sentinel and the field sentinel belong together: set sentinel.masterName for Sentinels, or "
            "remove sentinel.",
        ),
    )


class Address(Model):
    """By its URL or by its parts."""

    url_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the URL. Special characters in it must be percent-encoded. Excludes scheme and the
    other parts."""

    scheme: str | None = None
    """The kind of server."""

    host: Host | None = None
    """The host name or IP address; an IPv6 address without brackets."""

    host_from: KeySource | None = None
    """The key that holds the host."""

    hosts: (
        Annotated[
            list[Host],
            Limits(minItems=1, maxItems=20),
            Rule("self.all(x, self.exists_one(y, x == y))", "a host is listed twice: list each host once."),
        ]
        | None
    ) = None
    """The host names or IP addresses of several Sentinels, instead of host. They have the same port."""

    port: Annotated[int, Limits(minimum=1, maximum=65535)] | None = None
    """The port. Defaults to that of the scheme."""

    port_from: KeySource | None = None
    """The key that holds the port."""

    username: Annotated[str, Limits(minLength=1, maxLength=1000), PRINTABLE_RULE] | None = None
    """The user. By default the password alone is used, which is Redis's user named default."""

    username_from: KeySource | None = None
    """The key that holds the user. An empty value means that there is none."""

    password_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the password, as it is. Workers read it for each new connection, so a renewed
    password or token rolls no pods."""

    database: int | str | None = None
    """The database."""

    database_from: KeySource | None = None
    """The key that holds the database."""

    sentinel: Sentinel | None = None
    """Required if the URL or the scheme names Sentinels."""

    def sources(self) -> dict[str, KeySource]:
        """The keys that parts come from, by the field; the password's is a Secret's."""
        fields = {
            "hostFrom": self.host_from,
            "portFrom": self.port_from,
            "usernameFrom": self.username_from,
            "databaseFrom": self.database_from,
        }
        return {field: source for field, source in fields.items() if source is not None}

    @property
    def path(self) -> str | None:
        """What follows the host in a URL; None where it is not said here."""
        return None if self.database is None else str(self.database)
