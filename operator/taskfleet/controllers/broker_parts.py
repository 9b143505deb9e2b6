"""The URL of a broker by parts, which are fields of its spec or keys of Secrets and ConfigMaps. Pure."""

import re

from taskfleet.api import External, KeySource
from taskfleet.api.reasons import BrokerReason
from taskfleet.brokers.connection.target import is_host, url_of
from taskfleet.controllers.broker_keys import AddressError, Sources, key_of, value_of, where

_HIGHEST_PORT = 65535


def url_in_parts(sources: Sources, external: External) -> str:
    """The URL, which Celery can use. Raises AddressError."""
    database = None if external.database is None else str(external.database)
    port = None if external.port is None else str(external.port)
    hosts = _hosts(sources, external)
    password = external.password_secret_ref
    found = {
        "port": _part(sources, "port", port, external.port_from),
        "username": _part(sources, "username", external.username, external.username_from),
        "database": _part(sources, "database", database, external.database_from),
        "virtualHost": _part(sources, "virtualHost", external.virtual_host, external.virtual_host_from),
        "password": ("", "") if password is None else (value_of(sources, password), where(password)),
    }
    checked = [*(("host", *host) for host in hosts), *((name, *part) for name, part in found.items())]
    for name, text, place in checked:
        if (wrong := _wrong(name, text)) is not None:
            raise AddressError(BrokerReason.INVALID_URL, f"{place} {wrong}")
    values = {name: text for name, (text, _) in found.items()}
    if values["password"] and not values["username"] and _is_amqp(external):
        raise AddressError(
            BrokerReason.INVALID_URL,
            f"{found['username'][1]} is empty, but RabbitMQ requires a user name with the password. Set it.",
        )
    if not values["password"] and values["username"]:
        raise AddressError(
            BrokerReason.INVALID_URL,
            f"{found['password'][1] or 'The password'} is empty, but there is a user name. Set the password.",
        )
    return url_of(
        external.scheme or "",
        *(host for host, _ in hosts),
        port=int(values["port"]) if values["port"] else None,
        username=values["username"],
        password=values["password"],
        path=values["database"] or values["virtualHost"] or ("/" if _is_amqp(external) else ""),
    )


def _hosts(sources: Sources, external: External) -> list[tuple[str, str]]:
    """The text of each host, and where it is."""
    if external.hosts:
        return [(host, f"spec.external.hosts[{at}]") for at, host in enumerate(external.hosts)]
    return [_part(sources, "host", external.host, external.host_from)]


def _part(sources: Sources, name: str, value: str | None, source: KeySource | None) -> tuple[str, str]:
    """The text of a part, and where it is."""
    if source is not None:
        reference = key_of(source)
        return value_of(sources, reference), where(reference)
    return value or "", f"spec.external.{name}"


def _wrong(name: str, text: str) -> str | None:
    if not text.isprintable():
        return "contains control characters, such as a line break at its end. Remove them."
    if name == "host" and not is_host(text):
        return "is not a host name or an IP address. Use one without scheme, port and brackets."
    if name == "port" and text and not (re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) <= _HIGHEST_PORT):
        return "is not a port. Use a number from 1 to 65535."
    if name == "database" and not re.fullmatch(r"[0-9]{0,10}", text):
        return "is not the number of a database. Use a number, such as 0."
    return None


def _is_amqp(external: External) -> bool:
    return external.scheme in ("amqp", "amqps")
