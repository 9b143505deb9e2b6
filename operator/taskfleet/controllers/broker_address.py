"""What leads to an external broker, out of the Secrets that hold it. Errors name the key, never the value. Pure."""

import ssl
from dataclasses import replace

from taskfleet.api import External, SecretKeyRef
from taskfleet.api.reasons import BrokerReason
from taskfleet.brokers.connection.target import ENCRYPTED, SENTINEL, Sentinels, Target, Tls, target_of
from taskfleet.brokers.connection.tls import tls_context
from taskfleet.controllers.broker_keys import AddressError, Sources, value_of, where
from taskfleet.controllers.broker_parts import url_in_parts
from taskfleet.controllers.broker_url import url_in

CERTIFICATE, KEY = "tls.crt", "tls.key"


def target_in(sources: Sources, external: External, namespace: str) -> Target:
    """The target that `external` of a Broker in that namespace describes. Raises AddressError."""
    reference = external.url_secret_ref
    url = url_in_parts(sources, external) if reference is None else url_in(sources, reference)
    sentinel = external.sentinel
    encrypted = url.partition(":")[0] in ENCRYPTED or (sentinel is not None and sentinel.tls)
    if (wrong := _misfit(url, external, encrypted)) is not None:
        place = "spec.external" if reference is None else where(reference)
        raise AddressError(BrokerReason.INVALID_URL, f"{place} {wrong}")
    tls = _tls_in(sources, external) if encrypted else None
    sentinels = None
    if sentinel is not None:
        own = sentinel.password_secret_ref
        password = value_of(sources, own) if own is not None else None
        if not sentinel.master_name.isprintable() or not (password or "").isprintable():
            raise AddressError(
                BrokerReason.INVALID_URL,
                "spec.external.sentinel.masterName or the Sentinels' password contains control "
                "characters. Remove them.",
            )
        sentinels = Sentinels(sentinel.master_name, password)
    return replace(target_of(url, tls=tls, sentinels=sentinels), namespace=namespace)


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


def _tls_in(sources: Sources, external: External) -> Tls:
    """The certificates. Raises AddressError where they are missing or none."""
    ca_ref, client_ref = external.ca_secret_ref, external.client_certificate_secret_ref
    ca = value_of(sources, ca_ref) if ca_ref is not None else None
    tls = Tls(ca=ca, verify=not external.insecure_skip_verify)
    if ca_ref is not None and not _usable(tls):
        raise AddressError(
            BrokerReason.INVALID_CERTIFICATE,
            f"{where(ca_ref)} does not contain a CA certificate in PEM format. Correct the Secret.",
        )
    if client_ref is None:
        return tls
    certificate, key = (
        value_of(sources, SecretKeyRef(name=client_ref.name, key=name)) for name in (CERTIFICATE, KEY)
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
