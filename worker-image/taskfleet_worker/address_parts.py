"""The URLs of a broker and of a result backend by parts: put together here, because no object may hold a password twice.

A part is a text of the settings or a file. The kubelet renews the files, so that user name and password are read again for
each new connection (`patches/renewed_login.py`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from taskfleet_worker.settings import SettingsError, read_object

BROKER_VARIABLES = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
RESULT_VARIABLE = "CELERY_RESULT_BACKEND"
REDIS = frozenset({"redis", "rediss", "sentinel"})
_TEXTS = ("host", "port", "username", "path")
# The CRD's rules.
_HOST = r"[A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"
_NAME = r"[A-Za-z0-9_.~-]+"


@dataclass(frozen=True)
class Parts:
    """The key `broker` or `results` of the settings. `path` is the database or virtual host; None: in a file, or not
    there. `hosts`: of several Sentinels, in place of the host. `files`: those that have to be there.
    """

    scheme: str
    folder: str | None
    texts: Mapping[str, str | None]
    hosts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def login(self) -> tuple[str, str]:
        """User name and password as they are now, both empty where there are none. Raises OSError."""
        return self.text("username"), self.text("password")

    def text(self, name: str) -> str:
        """A part as it is now; empty where there is none. Raises OSError."""
        given = self.texts.get(name)
        if given is not None or self.folder is None:
            return given or ""
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8", newline="") as file:
                return file.read()
        except FileNotFoundError:
            if name in self.files:
                raise
            return ""


def read_parts(settings: Mapping[str, Any], key: str) -> Parts | None:
    """One key of the settings; None: it is not there. Raises KeyError."""
    raw = settings.get(key)
    if raw is None:
        return None
    texts = {name: raw[name] for name in _TEXTS}
    hosts, files = tuple(raw.get("hosts") or ()), tuple(raw.get("files") or ())
    return Parts(raw["scheme"], raw["folder"], texts, hosts, files)


def name_broker(environment: MutableMapping[str, str]) -> Parts | None:
    """Put the URL of a broker by parts into the environment, where Celery and apps find it. Raises SettingsError."""
    with _explained("the broker", "the Broker"):
        parts = read_parts(read_object(environment), "broker")
        if parts is not None:
            environment.update(dict.fromkeys(BROKER_VARIABLES, url_of(parts)))
    return parts


def name_result_backend(environment: MutableMapping[str, str]) -> Parts | None:
    """The same for a result backend by parts, which the operator does not read. Raises SettingsError."""
    with _explained("the result backend", "spec.resultBackend"):
        parts = read_parts(read_object(environment), "results")
        if parts is not None:
            _check(parts)
            environment[RESULT_VARIABLE] = url_of(parts)
    return parts


@contextmanager
def _explained(server: str, place: str) -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise SettingsError(
            f"{error.args[0]!r} of {server} is missing in the settings: use images of the same release."
        ) from None
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The parts of the address of {server} cannot be read ({type(error).__name__}): check the Secrets and "
            f"ConfigMaps that {place} names."
        ) from None


def url_of(parts: Parts) -> str:
    """The same URL as the operator's (brokers/connection/target.py, `url_of`), of several Sentinels separated by `;`."""
    username, password = parts.login()
    port = parts.text("port")
    path = parts.text("path") or ("/" if parts.scheme.startswith("amqp") else "")
    login = f"{_quoted(username)}:{_quoted(password)}@" if password else ""
    return ";".join(
        f"{parts.scheme}://{login}{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}/{_quoted(path)}"
        for host in parts.hosts or (parts.text("host"),)
    )


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _check(parts: Parts) -> None:
    """Raises SettingsError for what leads nowhere, without its value; OSError, ValueError."""
    texts = {name: _present(parts, name) for name in (*_TEXTS, "password")}
    number = parts.scheme in REDIS
    forms = {
        "host": (_HOST, "a host name or an IP address, without scheme, port and brackets"),
        "port": (r"[0-9]{0,5}", "a number from 1 to 65535"),
        "path": (r"[0-9]{0,10}", "a number, such as 0")
        if number
        else (_NAME, "letters, digits, ., _, ~ and -"),
    }
    if parts.hosts:
        del forms["host"]
    for name, text in texts.items():
        if not text.isprintable():
            raise _refusal(name, "contains control characters, such as a line break at its end. Remove them.")
        if name in forms and not re.fullmatch(forms[name][0], text):
            raise _refusal(name, f"is not valid. Use {forms[name][1]}.")
    user, password = bool(texts["username"]), bool(texts["password"])
    if user and not password:
        raise _refusal("password", "is empty, but there is a user name. Set the password.")
    if password and not user and not number:
        raise _refusal("username", f"is empty, but {parts.scheme} requires one with the password. Set it.")


def _present(parts: Parts, name: str) -> str:
    try:
        return parts.text(name)
    except FileNotFoundError:
        raise _refusal(name, "is missing. Create the Secret or ConfigMap, or correct the key.") from None


def _refusal(name: str, wrong: str) -> SettingsError:
    part = "database" if name == "path" else name
    return SettingsError(f"The {part} of spec.resultBackend {wrong}")
