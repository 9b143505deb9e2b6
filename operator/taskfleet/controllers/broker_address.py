"""The URL of an external broker, out of the Secret that holds it. Errors name the key, never the value. Pure."""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from taskfleet.api import Object
from taskfleet.api.reasons import BrokerReason, Reason

_DEFAULT_PORT = 6379
_LATER = ("rediss", "sentinel", "amqp", "amqps")


class AddressError(ValueError):
    """There is no usable URL; `reason` is that of the Broker's Ready condition."""

    def __init__(self, reason: BrokerReason | Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Address:
    """A broker's URL, and the part of it that may be shown."""

    url: str
    endpoint: str


def address_in(secret: Object | None, *, name: str, key: str) -> Address:
    """The address under `key` of the Secret called `name`. Raises AddressError."""
    where = f"Key {key!r} of Secret {name!r}"
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
        url = base64.b64decode(encoded).decode()
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORT
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise AddressError(BrokerReason.INVALID_URL, f"{where} is no URL. {_FORM}") from None
    if parts.scheme in _LATER:
        raise AddressError(
            Reason.NOT_IMPLEMENTED, f"{where} is a {parts.scheme}:// URL, which is not built yet."
        )
    if (wrong := _wrong(url, parts)) is not None:
        raise AddressError(BrokerReason.INVALID_URL, f"{where} {wrong}")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return Address(url, f"{host}:{port}")


def _wrong(url: str, parts: SplitResult) -> str | None:
    """What Celery could not use of a URL that looks like one."""
    if parts.scheme != "redis" or not parts.hostname:
        return f"is no redis:// URL with a host. {_FORM}"
    if re.search(r"\s", url):
        return "holds white space, perhaps at its end. Remove it."
    if not re.fullmatch(r"/*\d*", parts.path):
        return f"names no database by its number after the host. {_FORM}"
    if parts.query or parts.fragment:
        return f"holds '?' or '#': Celery takes no parameters in a Redis URL. {_FORM}"
    return None


_FORM = "Write redis://USER:PASSWORD@HOST:PORT/DATABASE, special characters percent-encoded."
