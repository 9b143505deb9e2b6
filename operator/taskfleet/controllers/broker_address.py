"""What leads to an external broker, out of the Secrets that hold it. Errors name the key, never the value. Pure."""

import base64
import binascii
import re
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from taskfleet.api import External, Object, SecretKeyRef
from taskfleet.api.names import is_object_name
from taskfleet.api.reasons import BrokerReason, Reason
from taskfleet.brokers.connection.target import (
    AMQP,
    ENCRYPTED,
    SENTINEL,
    Sentinels,
    Target,
    Tls,
    is_host,
    port_of,
    target_of,
)
from taskfleet.brokers.connection.tls import tls_context
from taskfleet.resources.errors import SpecError

Secrets = Mapping[str, Object | None]
"""By name; None: there is none."""

CERTIFICATE, KEY = "tls.crt", "tls.key"


class AddressError(ValueError):
    """There is no usable address; `reason` is that of the Broker's Ready condition."""

    def __init__(self, reason: BrokerReason | Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def secret_names(external: External) -> list[str]:
    """The Secrets that `external` refers to, each once.

    Raises SpecError for what cannot be a name: an object may have been stored before the CRD had a rule for it.
    """
    references = {
        "urlSecretRef": external.url_secret_ref,
        "caSecretRef": external.ca_secret_ref,
        "clientCertificateSecretRef": external.client_certificate_secret_ref,
        "sentinel.passwordSecretRef": external.sentinel.password_secret_ref if external.sentinel else None,
    }
    names = {field: reference.name for field, reference in references.items() if reference is not None}
    for field, name in names.items():
        if not is_object_name(name):
            raise SpecError(
                f"spec.external.{field}.name is {name[:80]!r}, which is not a valid name of a "
                "Secret. Use the name of a Secret in this namespace."
            )
    return list(dict.fromkeys(names.values()))


def target_in(secrets: Secrets, external: External) -> Target:
    """The target that `external` describes. Raises AddressError."""
    url = _url_in(secrets, external.url_secret_ref)
    sentinel = external.sentinel
    encrypted = url.partition(":")[0] in ENCRYPTED or (sentinel is not None and sentinel.tls)
    if (wrong := _misfit(url, external, encrypted)) is not None:
        raise AddressError(BrokerReason.INVALID_URL, f"{_where(external.url_secret_ref)} {wrong}")
    tls = _tls_in(secrets, external) if encrypted else None
    sentinels = None
    if sentinel is not None:
        reference = sentinel.password_secret_ref
        password = _value(secrets, reference) if reference is not None else None
        if not sentinel.master_name.isprintable() or not (password or "").isprintable():
            raise AddressError(
                BrokerReason.INVALID_URL,
                "spec.external.sentinel.masterName or the Sentinels' password contains control "
                "characters. Remove them.",
            )
        sentinels = Sentinels(sentinel.master_name, password)
    return target_of(url, tls=tls, sentinels=sentinels)


def _url_in(secrets: Secrets, reference: SecretKeyRef) -> str:
    """The URL, which Celery can use. Raises AddressError."""
    where, url = _where(reference), _value(secrets, reference)
    try:
        parts = [urlsplit(part) for part in url.split(";")]
        for part in parts:
            port_of(part)
    except ValueError:
        raise AddressError(BrokerReason.INVALID_URL, f"{where} is not a valid URL. {_FORM}") from None
    if re.search(r"\s", url):
        raise AddressError(
            BrokerReason.INVALID_URL, f"{where} contains white space, possibly at its end. Remove it."
        )
    if (wrong := next(filter(None, (_wrong(part) for part in parts)), None) or _differ(parts)) is not None:
        raise AddressError(BrokerReason.INVALID_URL, f"{where} {wrong}")
    return url


def _wrong(part: SplitResult) -> str | None:
    """What Celery could not use of a URL that looks like one, or what could mean something else to a server."""
    if (harmful := _harmful(part)) is not None:
        return harmful
    if part.scheme not in (*AMQP, "redis", "rediss", SENTINEL) or not part.hostname:
        return f"is not a redis:// or amqp:// URL with a host. {_FORM}"
    if part.scheme in AMQP:
        asked = part.query or part.fragment
        return (
            (
                "contains '?' or '#', but parameters are not supported. Set the fields of the Broker "
                f"instead. {_FORM}"
            )
            if asked
            else None
        )
    if not re.fullmatch(r"/*\d*", part.path):
        return f"does not have a database number after the host. {_FORM}"
    if part.query or part.fragment:
        return f"contains '?' or '#', but Celery does not support parameters in a Redis URL. {_FORM}"
    return None


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


def _misfit(url: str, external: External, encrypted: bool) -> str | None:
    """What of the spec does not fit to the URL."""
    if url.startswith(f"{SENTINEL}:") != (external.sentinel is not None):
        if external.sentinel is None:
            return "is a sentinel:// URL. Set spec.external.sentinel.masterName."
        return (
            "is not a sentinel:// URL, but spec.external.sentinel is set. Correct the URL, or remove "
            "the field."
        )
    asked = {
        "caSecretRef": external.ca_secret_ref is not None,
        "clientCertificateSecretRef": external.client_certificate_secret_ref is not None,
        "insecureSkipVerify": external.insecure_skip_verify,
    }
    field = next((name for name, is_set in asked.items() if is_set), None)
    if field is None or encrypted:
        return None
    encrypted_scheme = "amqps" if url.startswith("amqp") else "rediss"
    way = "Set spec.external.sentinel.tls" if external.sentinel is not None else f"Use {encrypted_scheme}://"
    return f"does not use TLS, but spec.external.{field} is set. {way}, or remove the field."


def _tls_in(secrets: Secrets, external: External) -> Tls:
    """The certificates. Raises AddressError where they are missing or none."""
    ca_ref, client_ref = external.ca_secret_ref, external.client_certificate_secret_ref
    ca = _value(secrets, ca_ref) if ca_ref is not None else None
    tls = Tls(ca=ca, verify=not external.insecure_skip_verify)
    if ca_ref is not None and not _usable(tls):
        raise AddressError(
            BrokerReason.INVALID_CERTIFICATE,
            f"{_where(ca_ref)} does not contain a CA certificate in PEM format. Correct the Secret.",
        )
    if client_ref is None:
        return tls
    certificate, key = (
        _value(secrets, SecretKeyRef(name=client_ref.name, key=name)) for name in (CERTIFICATE, KEY)
    )
    tls = Tls(ca=ca, certificate=certificate, key=key, verify=tls.verify)
    if not _usable(tls):
        raise AddressError(
            BrokerReason.INVALID_CERTIFICATE,
            f"Keys {CERTIFICATE!r} and {KEY!r} of Secret {client_ref.name!r} do not contain a "
            "certificate and its private key in PEM format. Correct the Secret. The private key "
            "must not have a passphrase.",
        )
    return tls


def _usable(tls: Tls) -> bool:
    try:
        context = tls_context(tls)
    except (ssl.SSLError, ValueError):
        return False
    return tls.ca is None or bool(context.get_ca_certs())


def _value(secrets: Secrets, reference: SecretKeyRef) -> str:
    """The text under a key of a Secret. Raises AddressError."""
    name, key = reference.name, reference.key
    secret = secrets.get(name)
    if secret is None:
        raise AddressError(
            BrokerReason.SECRET_MISSING, f"Secret {name!r} does not exist. Create it with key {key!r}."
        )
    encoded = (secret.get("data") or {}).get(key)
    if encoded is None:
        raise AddressError(
            BrokerReason.SECRET_MISSING, f"Secret {name!r} has no key {key!r}. Add it, or correct the key."
        )
    try:
        return base64.b64decode(encoded).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise AddressError(
            BrokerReason.INVALID_URL, f"{_where(reference)} is not valid UTF-8 text. Correct the Secret."
        ) from None


def _where(reference: SecretKeyRef) -> str:
    return f"Key {reference.key!r} of Secret {reference.name!r}"


_FORM = (
    "Use redis://USER:PASSWORD@HOST:PORT/DATABASE or rediss:// for TLS; sentinel:// URLs "
    "separated by ; for Sentinels; amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps:// for "
    "RabbitMQ. Percent-encode special characters."
)
