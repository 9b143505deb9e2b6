"""An address by parts, out of a URL whose parts are texts or variables with a value, a Secret's key or a ConfigMap's."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from taskfleet.api import Object
from taskfleet.convert.environment import ConfigMapKey, SecretKey, Variable
from taskfleet.convert.notes import Notes

REFERENCE = re.compile(r"\$[({](\w+)[)}]")
_PIECE = r"(?:\$[({]\w+[)}]|[^$/@:?#;\[\]]+)"
_URL = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9_+]*)://(?:(?P<user>{_PIECE})?(?::(?P<password>{_PIECE})?)?@)?"
    rf"(?P<host>\[[0-9A-Fa-f:.]+\]|{_PIECE})(?::(?P<port>{_PIECE}))?(?:/(?P<path>{_PIECE}|/|%2[Ff])?)?"
)
_BROKER = re.compile(r"rediss?|amqps?|pyamqp")
# The CRD's rules.
_RESULTS = re.compile(r"rediss?|mongodb|db(?:[+][a-z][a-z0-9_]*){1,2}")
_NAME = re.compile(r"[A-Za-z0-9_.~-]{1,255}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
_LARGEST_PORT, _LARGEST_DATABASE = 65535, 2**31 - 1


@dataclass(frozen=True)
class Parts:
    """The fields of an address. `own_password`: the Secret of its password is still to be made."""

    address: Object
    own_password: bool = False


class _NotByPartsError(ValueError):
    """A piece that no field can hold."""


def broker_by_parts(text: str | None, variables: Mapping[str, Variable], own: SecretKey) -> Parts | None:
    """The parts of a broker's URL; None where a whole URL in a Secret says more. `own`: where a password goes that is in
    no Secret."""
    return _parts(_BROKER, text, variables, own)


def results_by_parts(text: str | None, variables: Mapping[str, Variable], own: SecretKey) -> Parts | None:
    """The same for the URL of a result backend."""
    return _parts(_RESULTS, text, variables, own)


def parts_notes(notes: Notes, subject: str, field: str, server: str, parts: Parts, *, written: bool) -> None:
    """Note the fields of an address by parts, and the command that creates the Secret of its password. `written`: the
    input has the URL as a whole."""
    fields, ref = ", ".join(parts.address), parts.address.get("passwordSecretRef")
    notes.kept(subject, f"{field}: {fields}; put together and percent-encoded by the pods.")
    if ref is not None and parts.own_password:
        command = f"kubectl create secret generic {ref['name']} --from-literal={ref['key']}=PASSWORD"
        notes.by_hand(subject, f"create the Secret of the {server}'s password, as it is: {command}")
    elif ref is not None and written:
        notes.changed(
            subject,
            f"the password is used as it is: if key {ref['key']} of Secret {ref['name']} has it percent-encoded, "
            "decode it.",
        )


def _parts(
    schemes: re.Pattern[str], text: str | None, variables: Mapping[str, Variable], own: SecretKey
) -> Parts | None:
    found = _URL.fullmatch(text or "")
    if found is None or not schemes.fullmatch(found["scheme"]):
        return None
    try:
        pieces = {
            name: _source(found[name], variables) for name in ("host", "port", "user", "password", "path")
        }
        address: Object = {"scheme": found["scheme"].removeprefix("py")}
        address |= _field("host", pieces["host"], _host)
        address |= _field("port", pieces["port"], lambda text: _number(text, 1, _LARGEST_PORT))
        address |= _field("username", pieces["user"], str)
        if pieces["password"]:
            address["passwordSecretRef"] = _secret(pieces["password"] or "", own)
        path = _path(address["scheme"], pieces["path"])
    except _NotByPartsError:
        return None
    redis = address["scheme"] in ("redis", "rediss")
    user, password = "username" in address or "usernameFrom" in address, bool(pieces["password"])
    if not pieces["host"] or (user and not password) or (password and not user and not redis):
        return None
    if not (path or redis or "amqp" in address["scheme"]):
        return None
    return Parts({**address, **path}, own_password=isinstance(pieces["password"], str) and password)


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


def _path(scheme: str, source: _Source) -> Object:
    if "amqp" in scheme:
        return _field("virtualHost", None if source == "/" else source, str)
    if scheme in ("redis", "rediss"):
        return _field("database", source, lambda text: _number(text, 0, _LARGEST_DATABASE))
    return _field("database", source, _name)


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


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise _NotByPartsError(text)
    return text
