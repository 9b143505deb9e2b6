"""What the operator tells beat: the JSON object in TASKFLEET_SETTINGS. docs/explanation/design/schedules.md has its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taskfleet_worker.settings import (
    VARIABLE,
    Sentinel,
    SettingsError,
    Tls,
    read_object,
    read_sentinel,
    read_tls,
)


@dataclass(frozen=True)
class BeatSettings:
    """Where the schedules and queues are; None: kombu's default."""

    url: str
    pod: str
    namespace: str
    cluster_id: str
    log_level: str = "INFO"
    global_key_prefix: str | None = None
    priority_steps: tuple[int, ...] | None = None
    separator: str | None = None
    tls: Tls | None = None
    sentinel: Sentinel | None = None
    result_sentinel: Sentinel | None = None

    @property
    def keys(self) -> str:
        """What the full name of each of our keys begins with."""
        return f"{self.global_key_prefix or ''}taskfleet:{self.cluster_id}:{self.namespace}:"

    @property
    def transport_options(self) -> dict[str, Any]:
        """kombu's options: the layout that workers use, and an end to every wait."""
        options = {
            "global_keyprefix": self.global_key_prefix,
            "priority_steps": list(self.priority_steps) if self.priority_steps else None,
            "sep": self.separator,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
        }
        return {name: value for name, value in options.items() if value is not None}


def read_beat_settings(environment: Mapping[str, str]) -> BeatSettings:
    """The settings in the environment. Raises SettingsError with what is wrong and what to do."""
    raw = read_object(environment)
    steps = raw.get("prioritySteps")
    try:
        return BeatSettings(
            url=environment["CELERY_BROKER_URL"],
            pod=environment["POD_NAME"],
            namespace=raw["namespace"],
            cluster_id=raw["clusterId"],
            log_level=raw.get("logLevel") or "INFO",
            global_key_prefix=raw.get("globalKeyPrefix"),
            priority_steps=tuple(steps) if steps else None,
            separator=raw.get("separator"),
            tls=read_tls(raw),
            sentinel=read_sentinel(raw, "sentinel"),
        )
    except KeyError as error:
        raise SettingsError(
            f"{error.args[0]!r} is missing in the environment or in {VARIABLE}: use images of the "
            "same release."
        ) from None
