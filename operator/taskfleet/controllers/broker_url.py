"""The URL of an external broker out of its Secret, and what is wrong with it. Errors name the key, never the value. Pure."""

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from taskfleet.api import SecretKeyRef
from taskfleet.api.reasons import BrokerReason
from taskfleet.brokers.connection.target import AMQP, ENCRYPTED, SENTINEL, is_host, port_of
from taskfleet.controllers.broker_keys import AddressError, Sources, value_of, where

_CA = "set spec.external.caSecretRef"
_CLIENT = "set spec.external.clientCertificateSecretRef"
_UNVERIFIED = "set spec.external.insecureSkipVerify to turn off verification"
_TLS = "use amqps:// or rediss:// for TLS"
_PATH = "write the database or virtual host after the host, as in redis://HOST:6379/2"
_LOGIN = (
    "write USER:PASSWORD@ before the host, or set usernameFrom and passwordSecretRef of a broker by parts"
)
_OPTIONS = "set it in the app's broker_transport_options"
# What kombu, redis-py or py-amqp call it, and what says it here. The value is not read, so that it is in no message.
_INSTEAD = {
    **dict.fromkeys(("ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ca_certs", "cafile", "cacertfile"), _CA),
    **dict.fromkeys(("ssl_certfile", "ssl_keyfile", "certfile", "keyfile"), _CLIENT),
    **dict.fromkeys(("ssl_cert_reqs", "ssl_check_hostname", "cert_reqs", "verify"), _UNVERIFIED),
    **dict.fromkeys(("ssl", "tls"), _TLS),
    **dict.fromkeys(("db", "database", "virtual_host", "vhost"), _PATH),
    **dict.fromkeys(("user", "username", "userid", "password", "credential_provider"), _LOGIN),
    "visibility_timeout": "set spec.visibilityTimeout",
    **dict.fromkeys(("global_keyprefix", "key_prefix"), "set spec.globalKeyPrefix"),
    "priority_steps": "set spec.prioritySteps",
    "sep": "set spec.separator",
    "master_name": "set spec.external.sentinel.masterName",
    "sentinel_kwargs": "set spec.external.sentinel.passwordSecretRef",
    "heartbeat": "set broker_heartbeat in the app",
    "connection_timeout": "set broker_connection_timeout in the app",
    **dict.fromkeys(
        (
            "socket_timeout", "socket_connect_timeout", "socket_keepalive", "health_check_interval",
            "retry_on_timeout", "max_connections", "client_name", "queue_order_strategy", "fanout_prefix",
            "fanout_patterns", "protocol",
        ),
        _OPTIONS,
    ),
}  # fmt: skip
_VALKEY = {"valkey": "redis", "valkeys": "rediss"}
# Those that say what holds without them; the worker takes them out (worker-image/taskfleet_worker/start/connection.py).
_UNDERSTOOD = {
    "ssl_cert_reqs": frozenset({"required", "optional", "cert_required", "cert_optional"}),
    "ssl_check_hostname": frozenset({"true"}),
}


def url_in(sources: Sources, reference: SecretKeyRef) -> str:
    """The URL without parameters, which Celery can use. Raises AddressError."""
    place, url = where(reference), value_of(sources, reference)
    try:
        parts = [urlsplit(part) for part in url.split(";")]
        for part in parts:
            port_of(part)
    except ValueError:
        raise AddressError(BrokerReason.INVALID_URL, f"{place} is not a valid URL. {_FORM}") from None
    if re.search(r"\s", url):
        raise AddressError(
            BrokerReason.INVALID_URL, f"{place} contains white space, possibly at its end. Remove it."
        )
    if (wrong := next(filter(None, (_wrong(part) for part in parts)), None) or _differ(parts)) is not None:
        raise AddressError(BrokerReason.INVALID_URL, f"{place} {wrong}")
    return ";".join(part._replace(query="").geturl() for part in parts)


def _wrong(part: SplitResult) -> str | None:
    """What Celery could not use of a URL that looks like one, or what could mean something else to a server."""
    if (harmful := _harmful(part)) is not None:
        return harmful
    if (takes := _VALKEY.get(part.scheme)) is not None:
        return (
            f"is a {part.scheme}:// URL, which no supported version of Celery knows. Use {takes}://: a Valkey speaks "
            "the protocol of Redis."
        )
    if part.scheme not in (*AMQP, "redis", "rediss", SENTINEL) or not part.hostname:
        return f"is not a redis:// or amqp:// URL with a host. {_FORM}"
    if part.fragment:
        return f"contains '#'. {_FORM}"
    if part.scheme not in AMQP and not re.fullmatch(r"/*[0-9]{0,10}", part.path):
        return f"does not have a database number after the host. {_FORM}"
    return _wrong_parameter(part)


def _wrong_parameter(part: SplitResult) -> str | None:
    """What cannot be read as a field says it. A name that is not known may be a piece of a password: it is not shown."""
    for name, value in parse_qsl(part.query, keep_blank_values=True):
        if part.scheme in ENCRYPTED and value.lower() in _UNDERSTOOD.get(name, ()):
            continue
        if (instead := _INSTEAD.get(name)) is not None:
            return (
                f"has the parameter {name}, which the URL of a Broker cannot have: remove it, and {instead}."
            )
        return f"contains '?' and a parameter that is not supported. {_FORM}"
    return None if not part.query or parse_qsl(part.query) else f"contains '?'. {_FORM}"


def _harmful(part: SplitResult) -> str | None:
    """A server other than a broker could take a line break for the end of a command."""
    if not all(unquote(text or "").isprintable() for text in (part.username, part.password, part.path)):
        return "contains control characters, possibly percent-encoded. Remove them."
    if part.hostname and not is_host(unquote(part.hostname)):
        return f"contains a host name that is not valid. {_FORM}"
    return None


def _differ(parts: list[SplitResult]) -> str | None:
    """Celery enters the master with what stands in the URL of the Sentinel that it happens to have asked."""
    if len(parts) > 1 and any(part.scheme != SENTINEL for part in parts):
        return f"contains ';', which is supported between Sentinels only. {_FORM}"
    if len({(part.username, part.password, part.path.strip("/")) for part in parts}) > 1:
        return "has different users, passwords or databases for its Sentinels. Use the same ones in each URL."
    return None


_FORM = (
    "Use redis://USER:PASSWORD@HOST:PORT/DATABASE or rediss:// for TLS; sentinel:// URLs "
    "separated by ; for Sentinels; amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps:// for "
    "RabbitMQ. Percent-encode special characters."
)
