"""The Secrets and ConfigMaps that an external broker refers to, and the texts in them. Errors never show a text. Pure."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from taskfleet.api import ConfigMapKeyRef, External, KeySource, Object, SecretKeyRef
from taskfleet.api.names import is_object_name
from taskfleet.api.reasons import BrokerReason, Reason
from taskfleet.resources.errors import SpecError


class AddressError(ValueError):
    """There is no usable address; `reason` is that of the Broker's Ready condition."""

    def __init__(self, reason: BrokerReason | Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Sources:
    """What was read, by name; None: there is none."""

    secrets: Mapping[str, Object | None]
    config_maps: Mapping[str, Object | None] = field(default_factory=dict)


def secret_names(external: External) -> list[str]:
    """The Secrets that `external` refers to, each once. Raises SpecError, as `_checked` says."""
    return [*dict.fromkeys([*followed_secret_names(external), *_checked(_login_secrets(external), "Secret")])]


def followed_secret_names(external: External) -> list[str]:
    """The Secrets whose changes roll workers: they are read when a worker starts. Raises SpecError."""
    references = {
        "urlSecretRef": external.url_secret_ref,
        "caSecretRef": external.ca_secret_ref,
        "clientCertificateSecretRef": external.client_certificate_secret_ref,
        "sentinel.passwordSecretRef": external.sentinel.password_secret_ref if external.sentinel else None,
    }
    return _checked({name: ref.name for name, ref in references.items() if ref is not None}, "Secret")


def _login_secrets(external: External) -> dict[str, str]:
    names = {
        f"{name}.secretKeyRef": source.secret_key_ref.name
        for name, source in external.sources().items()
        if source.secret_key_ref is not None
    }
    password = external.password_secret_ref
    return names if password is None else {**names, "passwordSecretRef": password.name}


def config_map_names(external: External) -> list[str]:
    """The ConfigMaps that `external` refers to, each once. Raises SpecError."""
    names = {
        f"{name}.configMapKeyRef": source.config_map_key_ref.name
        for name, source in external.sources().items()
        if source.config_map_key_ref is not None
    }
    return _checked(names, "ConfigMap")


def _checked(names: Mapping[str, str], kind: str) -> list[str]:
    """Raises SpecError for what cannot be a name: an object may have been stored before the CRD had a rule for it."""
    for name, value in names.items():
        if not is_object_name(value):
            raise SpecError(
                f"spec.external.{name}.name is {value[:80]!r}, which is not a valid name of a "
                f"{kind}. Use the name of a {kind} in this namespace."
            )
    return list(dict.fromkeys(names.values()))


def value_of(sources: Sources, reference: SecretKeyRef | ConfigMapKeyRef) -> str:
    """The text under a key. Raises AddressError."""
    config = isinstance(reference, ConfigMapKeyRef)
    kind, found = ("ConfigMap", sources.config_maps) if config else ("Secret", sources.secrets)
    name, key = reference.name, reference.key
    holder = found.get(name)
    if holder is None:
        raise AddressError(
            BrokerReason.SECRET_MISSING, f"{kind} {name!r} does not exist. Create it with key {key!r}."
        )
    text = (holder.get("data") or {}).get(key)
    if text is None:
        raise AddressError(
            BrokerReason.SECRET_MISSING, f"{kind} {name!r} has no key {key!r}. Add it, or correct the key."
        )
    if config:
        return str(text)
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise AddressError(
            BrokerReason.INVALID_URL, f"{where(reference)} is not valid UTF-8 text. Correct the Secret."
        ) from None


def key_of(source: KeySource) -> SecretKeyRef | ConfigMapKeyRef:
    """The key that a part comes from. Raises AddressError for an object without one, which the CRD refuses."""
    reference = source.secret_key_ref or source.config_map_key_ref
    if reference is None:
        raise AddressError(
            Reason.INVALID_SPEC, "A part of spec.external has no source: set secretKeyRef or configMapKeyRef."
        )
    return reference


def where(reference: SecretKeyRef | ConfigMapKeyRef) -> str:
    kind = "ConfigMap" if isinstance(reference, ConfigMapKeyRef) else "Secret"
    return f"Key {reference.key!r} of {kind} {reference.name!r}"
