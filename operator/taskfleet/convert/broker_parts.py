"""A broker by parts, out of a URL whose parts are texts or variables with a value, a Secret's key or a ConfigMap's."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from taskfleet.api import Object
from taskfleet.convert.environment import ConfigMapKey, SecretKey, Variable

REFERENCE = re.compile(r"\$[({](\w+)[)}]")
_PIECE = r"(?:\$[({]\w+[)}]|[^$/@:?#;\[\]]+)"
_URL = re.compile(
    rf"(?P<scheme>rediss?|amqps?|pyamqp)://(?:(?P<user>{_PIECE})?(?::(?P<password>{_PIECE})?)?@)?"
    rf"(?P<host>\[[0-9A-Fa-f:.]+\]|{_PIECE})(?::(?P<port>{_PIECE}))?(?:/(?P<path>{_PIECE}|/|%2[Ff])?)?"
)
# The CRD's rule.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
_LARGEST_PORT, _LARGEST_DATABASE = 65535, 2**31 - 1


@dataclass(frozen=True)
class Parts:
    """The spec of an external Broker. `own_password`: the Secret of its password is still to be made."""

    external: Object
    own_password: bool = False


class _NotByPartsError(ValueError):
    """A piece that no field can hold."""


def parts_of(text: str | None, variables: Mapping[str, Variable], own: SecretKey) -> Parts | None:
    """The parts of a URL; None where a whole URL in a Secret says more. `own`: where a password goes that is in no Secret."""
    found = _URL.fullmatch(text or "")
    if found is None:
        return None
    amqp = "amqp" in found["scheme"]
    try:
        pieces = {
            name: _source(found[name], variables) for name in ("host", "port", "user", "password", "path")
        }
        external: Object = {"scheme": found["scheme"].removeprefix("py")}
        external |= _field("host", pieces["host"], _host)
        external |= _field("port", pieces["port"], lambda text: _number(text, 1, _LARGEST_PORT))
        external |= _field("username", pieces["user"], str)
        if pieces["password"]:
            external["passwordSecretRef"] = _secret(pieces["password"] or "", own)
        if amqp:
            external |= _field("virtualHost", None if pieces["path"] == "/" else pieces["path"], str)
        else:
            external |= _field("database", pieces["path"], lambda text: _number(text, 0, _LARGEST_DATABASE))
    except _NotByPartsError:
        return None
    user, password = "username" in external or "usernameFrom" in external, bool(pieces["password"])
    if not pieces["host"] or (user and not password) or (amqp and password and not user):
        return None
    return Parts(external, own_password=isinstance(pieces["password"], str) and password)


_Source = str | SecretKey | ConfigMapKey | None


def _source(piece: str | None, variables: Mapping[str, Variable]) -> _Source:
    """Where a piece of the URL comes from: a text as it is, or a key; None or empty: there is none."""
    if not piece:
        return None
    reference = REFERENCE.fullmatch(piece)
    if reference is None:
        return unquote(piece.strip("[]"))
    variable = variables.get(reference[1])
    if variable is None:
        raise _NotByPartsError(piece)
    source = variable.secret or variable.config or variable.value
    if source is None or (isinstance(source, str) and "$" in source):
        raise _NotByPartsError(piece)
    return source


def _field(name: str, source: _Source, read: Callable[[str], str | int]) -> Object:
    if isinstance(source, SecretKey):
        return {f"{name}From": {"secretKeyRef": {"name": source.name, "key": source.key}}}
    if isinstance(source, ConfigMapKey):
        return {f"{name}From": {"configMapKeyRef": {"name": source.name, "key": source.key}}}
    return {name: read(source)} if source else {}


def _secret(source: _Source, own: SecretKey) -> Object:
    if isinstance(source, ConfigMapKey):
        raise _NotByPartsError(source.key)
    secret = source if isinstance(source, SecretKey) else own
    return {"name": secret.name, "key": secret.key}


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise _NotByPartsError(text)
    return text


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise _NotByPartsError(text)
    return int(text)
