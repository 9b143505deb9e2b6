"""What this process needs beside the URLs to reach its broker and its results: TLS, Sentinels, a result database.

Merged into the app's configuration before the first connection. What the Broker says wins over the app for the broker,
because the URL comes from there too; for results the app wins, which may keep them elsewhere.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from taskfleet_worker.address_parts import BROKER_VARIABLES, RESULT_VARIABLE
from taskfleet_worker.patches import connection_pool
from taskfleet_worker.settings import ConnectionSettings, Sentinel, Settings, SettingsError, Tls

BROKER_VARIABLE = BROKER_VARIABLES[0]
SENTINEL_PASSWORD = "TASKFLEET_SENTINEL_PASSWORD"  # noqa: S105 - the name of the variable
RESULT_SENTINEL_PASSWORD = "TASKFLEET_RESULT_SENTINEL_PASSWORD"  # noqa: S105 - the name of the variable

# A Sentinel that says nothing is passed over after this many seconds.
_SENTINEL_PATIENCE = 5.0
# Parameters of a URL that say what holds without them; the operator refuses others (controllers/broker_url.py).
_UNDERSTOOD = {
    "ssl_cert_reqs": frozenset({"required", "optional", "cert_required", "cert_optional"}),
    "ssl_check_hostname": frozenset({"true"}),
}
_VERIFIED = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
_UNVERIFIED = {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}


def refuse_several_addresses(environment: Mapping[str, str]) -> None:
    """A worker that fails over from one broker to another would leave behind what it holds, its report and its drain
    lease. Sentinels are one broker's. Raises SettingsError.
    """
    for name in BROKER_VARIABLES:
        url = environment.get(name, "")
        if ";" in url and not url.startswith("sentinel:"):
            raise SettingsError(
                f"{name} contains several addresses, separated by ';'. Use one address of the "
                "master, or Sentinels."
            )


def drop_understood_parameters(environment: MutableMapping[str, str]) -> None:
    """kombu takes `?ssl_cert_reqs=required` for all there is to say about TLS, and the Broker's CA would not be used."""
    for name in BROKER_VARIABLES:
        if "?" in environment.get(name, ""):
            environment[name] = ";".join(map(_without_understood, environment[name].split(";")))


def _without_understood(url: str) -> str:
    part = urlsplit(url)
    given = parse_qsl(part.query, keep_blank_values=True)
    left = [(name, value) for name, value in given if value.lower() not in _UNDERSTOOD.get(name, ())]
    return url if left == given else urlunsplit(part._replace(query=urlencode(left)))


def name_results(environment: MutableMapping[str, str], settings: Settings) -> None:
    """Results in another database of the broker: its URL is in no object, so it is made here."""
    if settings.result_database is not None:
        parts = [urlsplit(url) for url in environment[BROKER_VARIABLE].split(";")]
        database = f"/{settings.result_database}"
        environment[RESULT_VARIABLE] = ";".join(
            urlunsplit(part._replace(path=database, query="", fragment="")) for part in parts
        )


def configure_connection(
    conf: MutableMapping[str, Any], settings: ConnectionSettings, environment: Mapping[str, str]
) -> list[str]:
    """Merge into the app's loaded configuration; returns notes."""
    url = environment.get(BROKER_VARIABLE, "")
    notes = []
    if is_encrypted(url, settings.sentinel):
        theirs = conf["broker_use_ssl"]
        theirs = theirs if isinstance(theirs, dict) else {}
        ours = (
            amqp_tls_options(settings.tls, theirs, url) if is_amqp(url) else tls_options(settings.tls, theirs)
        )
        conf["broker_use_ssl"] = options = ours
        if any(options[name] != value for name, value in theirs.items() if name in options):
            notes.append("The app sets broker_use_ssl. The Broker's TLS settings override it.")
    if settings.sentinel is not None or settings.result_sentinel is not None:
        connection_pool.install()
    if settings.sentinel is not None:
        options = dict(conf["broker_transport_options"] or {})
        password = environment.get(SENTINEL_PASSWORD)
        ours = sentinel_options(settings.sentinel, settings.tls, password, options)
        conf["broker_transport_options"] = {**options, **ours}
    _configure_results(conf, settings, environment)
    return notes


def _configure_results(
    conf: MutableMapping[str, Any], settings: ConnectionSettings, environment: Mapping[str, str]
) -> None:
    url = environment.get(RESULT_VARIABLE) or conf["result_backend"] or ""
    if not isinstance(url, str) or "ssl_cert_reqs" in url:
        return
    # Where nothing else is said, they are behind the broker's Sentinels.
    own = settings.result_sentinel is not None
    sentinel = settings.result_sentinel or settings.sentinel
    if is_encrypted(url, sentinel) and not conf["redis_backend_use_ssl"]:
        conf["redis_backend_use_ssl"] = tls_options(settings.tls, {})
    if sentinel is not None and url.startswith("sentinel:"):
        theirs = dict(conf["result_backend_transport_options"] or {})
        password = environment.get(RESULT_SENTINEL_PASSWORD if own else SENTINEL_PASSWORD)
        ours = sentinel_options(sentinel, settings.tls, password, {})
        conf["result_backend_transport_options"] = {**ours, **theirs}


def is_encrypted(url: str, sentinel: Sentinel | None) -> bool:
    """Whether what `url` leads to speaks TLS."""
    if url.startswith("sentinel:"):
        return sentinel is not None and sentinel.tls
    return url.startswith(("rediss:", "amqps:"))


def is_amqp(url: str) -> bool:
    """Whether a broker's URL leads to RabbitMQ."""
    return url.startswith(("amqp:", "amqps:"))


def tls_options(tls: Tls | None, theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Options of redis-py's TLS connection: verified unless the Broker, or where it is silent the app, says otherwise."""
    if tls is None:
        unverified = "ssl_cert_reqs" in theirs and theirs["ssl_cert_reqs"] in (None, "none", ssl.CERT_NONE)
        return {**(_UNVERIFIED if unverified else _VERIFIED), **theirs}
    files = {"ssl_ca_certs": tls.ca, "ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
    given = {name: path for name, path in files.items() if path is not None}
    return {**theirs, **(_VERIFIED if tls.verify else _UNVERIFIED), **given}


def amqp_tls_options(tls: Tls | None, theirs: Mapping[str, Any], url: str) -> dict[str, Any]:
    """The same for py-amqp. It checks the server's name where it is told one, and must not be where it checks nothing."""
    checked = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": urlsplit(url).hostname}
    if tls is None:
        return {**({} if theirs.get("cert_reqs") == ssl.CERT_NONE else checked), **theirs}
    files = {"ca_certs": tls.ca, "certfile": tls.certificate, "keyfile": tls.key}
    given = {name: path for name, path in files.items() if path is not None}
    if tls.verify:
        return {**theirs, **checked, **given}
    named = {name: value for name, value in theirs.items() if name != "server_hostname"}
    return {**named, "cert_reqs": ssl.CERT_NONE, **given}


def sentinel_options(
    sentinel: Sentinel, tls: Tls | None, password: str | None, theirs: Mapping[str, Any]
) -> dict[str, Any]:
    """kombu's transport options for Sentinels, with the app's own for what is not said here."""
    ours: dict[str, Any] = {
        "socket_timeout": _SENTINEL_PATIENCE,
        "socket_connect_timeout": _SENTINEL_PATIENCE,
    }
    if password:
        ours["password"] = password
    if sentinel.tls:
        ours.update(ssl=True, **tls_options(tls, {}))
    return {
        "master_name": sentinel.master_name,
        "sentinel_kwargs": {**(theirs.get("sentinel_kwargs") or {}), **ours},
    }
