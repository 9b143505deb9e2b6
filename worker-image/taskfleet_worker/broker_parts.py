"""The URL of a broker by parts: put together here, because no object may hold the password twice.

A part is a text of the settings or a file. The kubelet renews the files, so that user name and password are read again for
each new connection (`patches/renewed_login.py`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from taskfleet_worker.settings import SettingsError, read_object

BROKER_VARIABLES = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
_TEXTS = ("host", "port", "username", "path")


@dataclass(frozen=True)
class Parts:
    """The key `broker` of the settings. `path` is the database or virtual host; None: in a file, or not there."""

    scheme: str
    folder: str | None
    texts: Mapping[str, str | None]

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
            return ""


def read_parts(settings: Mapping[str, Any]) -> Parts | None:
    """The key `broker`; None: the URL is in the environment. Raises KeyError."""
    raw = settings.get("broker")
    if raw is None:
        return None
    return Parts(raw["scheme"], raw["folder"], {name: raw[name] for name in _TEXTS})


def name_broker(environment: MutableMapping[str, str]) -> Parts | None:
    """Put the URL of a broker by parts into the environment, where Celery and apps find it. Raises SettingsError."""
    try:
        parts = read_parts(read_object(environment))
        if parts is not None:
            environment.update(dict.fromkeys(BROKER_VARIABLES, broker_url(parts)))
    except KeyError as error:
        raise SettingsError(
            f"{error.args[0]!r} of the broker is missing in the settings: use images of the same release."
        ) from None
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The parts of the broker's address cannot be read ({type(error).__name__}): check the Secrets and "
            "ConfigMaps that the Broker names."
        ) from None
    return parts


def broker_url(parts: Parts) -> str:
    """The same URL as the operator's (brokers/connection/target.py, `url_of`)."""
    username, password = parts.login()
    host, port = parts.text("host"), parts.text("port")
    path = parts.text("path") or ("/" if parts.scheme.startswith("amqp") else "")
    login = f"{_quoted(username)}:{_quoted(password)}@" if password else ""
    address = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{login}{address}{f':{port}' if port else ''}/{_quoted(path)}"


def _quoted(text: str) -> str:
    return quote(text, safe="")
