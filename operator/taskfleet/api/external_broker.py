"""A broker that runs outside of Taskfleet: its URL in a Secret, or its parts, and how to connect to it."""

from typing import Annotated, Literal

from taskfleet.api.base import Model
from taskfleet.api.references import KeySource, ObjectName, SecretKeyRef
from taskfleet.api.schema import PRINTABLE_RULE, Limits, Rule

Scheme = Literal["redis", "rediss", "sentinel", "amqp", "amqps"]

# Each may be a value or come from a key.
_TEXTS = ("host", "port", "username", "database", "virtualHost")
_PARTS = ("host", "hostFrom", "port", "portFrom", "username", "usernameFrom", "passwordSecretRef", "database",
          "databaseFrom", "virtualHost", "virtualHostFrom")  # fmt: skip
_OF_TLS = ("caSecretRef", "clientCertificateSecretRef")


class Sentinel(Model):
    """Redis Sentinel in front of an external Redis."""

    master_name: Annotated[str, Limits(minLength=1, maxLength=253), PRINTABLE_RULE]
    """The master's name in the Sentinels' configuration."""

    password_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the password of the Sentinels, if they require one. The password in the URL is
    the master's."""

    tls: bool = False
    """Uses TLS for the Sentinels and for the servers behind them. A sentinel:// URL cannot express it."""


class CertificateSecretRef(Model):
    """Names a Secret of the same namespace with a certificate: type kubernetes.io/tls, keys tls.crt and tls.key."""

    name: ObjectName
    """The Secret's name."""


def _has_any(fields: tuple[str, ...]) -> str:
    return " || ".join(f"has(self.{field})" for field in fields)


def _has(field: str) -> str:
    return f"({_has_any((field, f'{field}From'))})"


def _only_for(field: str, *schemes: str) -> Rule:
    """Refuse a part that a scheme has not. A scheme is tested for its presence first, which is another rule's matter."""
    return Rule(
        f"!{_has(field)} || !has(self.scheme) || self.scheme in {list(schemes)}",
        f"{field} is not a part of {{self.scheme}} addresses: remove it, or use scheme {' or '.join(schemes)}.",
    )


class External(Model):
    """A broker that runs outside of Taskfleet, by its URL or by its parts."""

    rules = (
        Rule(
            "has(self.urlSecretRef) != has(self.scheme)",
            "external must have exactly one of urlSecretRef and scheme: set urlSecretRef for a whole URL in a "
            "Secret, or scheme and host for a broker by parts.",
        ),
        Rule(
            f"has(self.scheme) || !({_has_any(_PARTS)})",
            "host, port, username, passwordSecretRef, database and virtualHost belong to a broker by parts: set "
            "scheme, or remove them and use urlSecretRef.",
        ),
        Rule(
            f"!has(self.scheme) || {_has('host')}",
            "a broker by parts needs a host: set host, or hostFrom for a key of a Secret or ConfigMap.",
        ),
        *(
            Rule(
                f"!has(self.{field}) || !has(self.{field}From)",
                f"{field} and {field}From cannot both be set: remove one.",
                field=f"{field}From",
            )
            for field in _TEXTS
        ),
        Rule(
            f"!{_has('username')} || has(self.passwordSecretRef)",
            "a user name needs a password: set passwordSecretRef, or remove username.",
        ),
        Rule(
            f"!has(self.scheme) || !self.scheme.startsWith('amqp') || !has(self.passwordSecretRef) || {_has('username')}",
            "RabbitMQ requires a user name with the password: set username or usernameFrom.",
            field="passwordSecretRef",
        ),
        _only_for("database", "redis", "rediss", "sentinel"),
        _only_for("virtualHost", "amqp", "amqps"),
        Rule(
            "!has(self.scheme) || (self.scheme == 'sentinel') == has(self.sentinel)",
            "scheme sentinel and the field sentinel belong together: set sentinel.masterName for Sentinels, or "
            "remove sentinel.",
        ),
        Rule(
            "!has(self.scheme) || self.scheme in ['rediss', 'amqps'] || (has(self.sentinel) && self.sentinel.tls)"
            f" || !({_has_any(_OF_TLS)} || self.insecureSkipVerify)",
            "scheme {self.scheme} does not use TLS, but caSecretRef, clientCertificateSecretRef or insecureSkipVerify "
            "is set: use scheme rediss or amqps, set sentinel.tls for Sentinels, or remove the field.",
        ),
    )

    url_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the broker URL: redis://, rediss://, sentinel://, amqp:// or amqps://. Special
    characters in it must be percent-encoded. Excludes scheme and the other parts."""

    scheme: Scheme | None = None
    """The kind of broker, for a broker by parts: redis, rediss (TLS), sentinel, amqp or amqps (TLS). A Valkey is reached
    with redis or rediss. The parts are put together and percent-encoded where they are used."""

    host: (
        Annotated[
            str,
            Limits(minLength=1, maxLength=253),
            Rule(
                "self.matches('^([A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$')",
                'the host "{self}" is not valid: use a host name or an IP address, without scheme, port and brackets.',
            ),
        ]
        | None
    ) = None
    """The host name or IP address; an IPv6 address without brackets."""

    host_from: KeySource | None = None
    """The key that holds the host."""

    port: Annotated[int, Limits(minimum=1, maximum=65535)] | None = None
    """The port. Defaults to 6379 for redis and rediss, 26379 for sentinel, 5672 for amqp, 5671 for amqps."""

    port_from: KeySource | None = None
    """The key that holds the port."""

    username: Annotated[str, Limits(minLength=1, maxLength=1000), PRINTABLE_RULE] | None = None
    """The user. By default the password alone is used, which is Redis's user named default."""

    username_from: KeySource | None = None
    """The key that holds the user. An empty value means that there is none."""

    password_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the password, as it is. Workers read it for each new connection, so a renewed
    password or token rolls no pods."""

    database: Annotated[int, Limits(minimum=0, maximum=2147483647)] | None = None
    """The number of the Redis database. Defaults to 0."""

    database_from: KeySource | None = None
    """The key that holds the number of the Redis database."""

    virtual_host: Annotated[str, Limits(minLength=1, maxLength=255), PRINTABLE_RULE] | None = None
    """RabbitMQ's virtual host, as it is. Defaults to /."""

    virtual_host_from: KeySource | None = None
    """The key that holds RabbitMQ's virtual host."""

    ca_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the CA certificates (PEM) that verify the broker's certificate. Defaults to
    the CA certificates in the operator's image and in the worker image."""

    client_certificate_secret_ref: CertificateSecretRef | None = None
    """The Secret with the client certificate, for a broker that requires one."""

    insecure_skip_verify: bool = False
    """Turns off verification of the broker's certificate, so the password and tasks can be intercepted. For tests
    only."""

    sentinel: Sentinel | None = None
    """Required if the URL or the scheme names Sentinels."""

    def sources(self) -> dict[str, KeySource]:
        """The keys that parts come from, by the field; the password's is a Secret's."""
        fields = {
            "hostFrom": self.host_from,
            "portFrom": self.port_from,
            "usernameFrom": self.username_from,
            "databaseFrom": self.database_from,
            "virtualHostFrom": self.virtual_host_from,
        }
        return {field: source for field, source in fields.items() if source is not None}
