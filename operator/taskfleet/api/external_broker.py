"""A broker that runs outside of Taskfleet: its URL in a Secret, or its parts, and how to connect to it."""

from typing import Annotated, Literal

from taskfleet.api.address_parts import Address, has, has_any, rules_of_parts
from taskfleet.api.base import Model
from taskfleet.api.references import KeySource, ObjectName, SecretKeyRef
from taskfleet.api.schema import PRINTABLE_RULE, Limits, Rule

Scheme = Literal["redis", "rediss", "sentinel", "amqp", "amqps"]

_OF_TLS = ("caSecretRef", "clientCertificateSecretRef")


class CertificateSecretRef(Model):
    """Names a Secret of the same namespace with a certificate: type kubernetes.io/tls, keys tls.crt and tls.key."""

    name: ObjectName
    """The Secret's name."""


def _only_for(field: str, *schemes: str) -> Rule:
    """Refuse a part that a scheme has not. A scheme is tested for its presence first, which is another rule's matter."""
    return Rule(
        f"!{has(field)} || !has(self.scheme) || self.scheme in {list(schemes)}",
        f"{field} is not a part of {{self.scheme}} addresses: remove it, or use scheme {' or '.join(schemes)}.",
    )


class External(Address):
    """A broker that runs outside of Taskfleet, by its URL or by its parts."""

    rules = (
        Rule(
            "has(self.urlSecretRef) != has(self.scheme)",
            "external must have exactly one of urlSecretRef and scheme: set urlSecretRef for a whole URL in a "
            "Secret, or scheme and host for a broker by parts.",
        ),
        *rules_of_parts("broker", "virtualHost"),
        Rule(
            f"!has(self.scheme) || !self.scheme.startsWith('amqp') || !has(self.passwordSecretRef) || {has('username')}",
            "RabbitMQ requires a user name with the password: set username or usernameFrom.",
            field="passwordSecretRef",
        ),
        _only_for("database", "redis", "rediss", "sentinel"),
        _only_for("virtualHost", "amqp", "amqps"),
        Rule(
            "!has(self.scheme) || self.scheme in ['rediss', 'amqps'] || (has(self.sentinel) && self.sentinel.tls)"
            f" || !({has_any(*_OF_TLS)} || self.insecureSkipVerify)",
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

    port: Annotated[int, Limits(minimum=1, maximum=65535)] | None = None
    """The port. Defaults to 6379 for redis and rediss, 26379 for sentinel, 5672 for amqp, 5671 for amqps."""

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

    def sources(self) -> dict[str, KeySource]:
        """The keys that parts come from, by the field; the password's is a Secret's."""
        own = {} if self.virtual_host_from is None else {"virtualHostFrom": self.virtual_host_from}
        return {**super().sources(), **own}

    @property
    def path(self) -> str | None:
        """The virtual host or the database; None where it is not said here."""
        return self.virtual_host or super().path
