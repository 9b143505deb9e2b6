"""What the operator tells a worker: the JSON object in the environment variable TASKFLEET_SETTINGS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

VARIABLE = "TASKFLEET_SETTINGS"

_CHOICES = {
    "poolType": ("prefork", "threads", "gevent", "eventlet", "solo"),
    "queueOrder": ("Strict", "RoundRobin"),
    "acknowledge": ("Late", "App", "Early"),
}

# The app's own where the WorkerPool does not set them.
_OPTIONAL = frozenset({"poolType"})


class SettingsError(Exception):
    """TASKFLEET_SETTINGS is absent or not what the contract in worker-image/README.md says."""


@dataclass(frozen=True)
class Tls:
    """Files of the certificates, and whether the server's is checked. None: the image's CAs, no certificate."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    verify: bool = True


@dataclass(frozen=True)
class Sentinel:
    """A URL leads to Redis Sentinels. `tls`: they and the servers behind them speak it."""

    master_name: str
    tls: bool = False


@dataclass(frozen=True)
class FailureSettings:
    """What is kept of failed tasks. `retention` in seconds; `arguments` and `messages`: whether these are kept too."""

    enabled: bool = True
    limit: int = 1000
    retention: float = 7 * 24 * 3600.0
    arguments: bool = False
    messages: bool = False


@dataclass(frozen=True)
class TraceSettings:
    """Where spans are sent to, the share of traces that is sampled, and under which name of a service."""

    endpoint: str
    service: str
    sampling: float = 1.0


class ConnectionSettings(Protocol):
    """What is needed beside the URLs to reach the broker, and results behind Sentinels of their own."""

    @property
    def tls(self) -> Tls | None: ...

    @property
    def sentinel(self) -> Sentinel | None: ...

    @property
    def result_sentinel(self) -> Sentinel | None: ...


@dataclass(frozen=True)
class Settings:
    """Those of the contract's keys that are needed here. Times are seconds; None: left to the app, or to a default."""

    namespace: str
    pool_uid: str
    cluster_id: str
    pool_type: str | None
    capacity: int | None
    queue_order: str
    acknowledge: str
    visibility_timeout: float
    grace_period: float
    prefetch_multiplier: int | None = None
    global_key_prefix: str | None = None
    priority_steps: tuple[int, ...] | None = None
    separator: str | None = None
    tls: Tls | None = None
    sentinel: Sentinel | None = None
    result_sentinel: Sentinel | None = None
    result_database: int | None = None
    setup: tuple[str, ...] = ()
    failures: FailureSettings = FailureSettings()
    traces: TraceSettings | None = None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in the environment. Raises SettingsError with what is wrong and what to do."""
    return _from_json(read_object(environment))


def read_object(environment: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object of the variable, of a version that this runtime reads. Raises SettingsError."""
    text = environment.get(VARIABLE)
    if not text:
        raise SettingsError(
            f"{VARIABLE} is not set: the Taskfleet operator sets it. To start a worker by hand, run celery itself."
        )
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{VARIABLE} is not valid JSON ({error}).") from None
    if not isinstance(raw, dict):
        raise SettingsError(f"{VARIABLE} is not a JSON object.")
    if raw.get("v") != 1:
        raise SettingsError(
            f"{VARIABLE} has v={raw.get('v')!r}, but this runtime reads v=1: use images of the same release."
        )
    return raw


def _from_json(raw: dict[str, Any]) -> Settings:
    for key, allowed in _CHOICES.items():
        if raw.get(key) not in allowed and not (key in _OPTIONAL and raw.get(key) is None):
            raise SettingsError(
                f"{VARIABLE} has {key}={raw.get(key)!r}: must be one of {', '.join(allowed)}."
            )
    steps = raw.get("prioritySteps")
    try:
        return Settings(
            namespace=raw["namespace"],
            pool_uid=raw["poolUid"],
            cluster_id=raw["clusterId"],
            pool_type=raw.get("poolType"),
            capacity=None if raw.get("capacity") is None else int(raw["capacity"]),
            queue_order=raw["queueOrder"],
            acknowledge=raw["acknowledge"],
            visibility_timeout=float(raw["visibilityTimeout"]),
            grace_period=float(raw["gracePeriod"]),
            prefetch_multiplier=raw.get("prefetchMultiplier"),
            global_key_prefix=raw.get("globalKeyPrefix"),
            priority_steps=tuple(steps) if steps else None,
            separator=raw.get("separator"),
            tls=read_tls(raw),
            sentinel=read_sentinel(raw, "sentinel"),
            result_sentinel=read_sentinel(raw, "resultSentinel"),
            result_database=raw.get("resultDatabase"),
            setup=tuple(raw.get("setup") or ()),
            failures=_read_failures(raw.get("failures") or {}),
            traces=_read_traces(raw.get("traces")),
        )
    except KeyError as error:
        raise SettingsError(
            f"{error.args[0]!r} is missing in {VARIABLE}: use images of the same release."
        ) from None
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{VARIABLE} has a value of the wrong type ({error}).") from None


def _read_failures(raw: Mapping[str, Any]) -> FailureSettings:
    default = FailureSettings()
    return FailureSettings(
        enabled=bool(raw.get("enabled", default.enabled)),
        limit=int(raw.get("limit", default.limit)),
        retention=float(raw.get("retention", default.retention)),
        arguments=bool(raw.get("arguments", default.arguments)),
        messages=bool(raw.get("messages", default.messages)),
    )


def _read_traces(raw: Mapping[str, Any] | None) -> TraceSettings | None:
    if raw is None:
        return None
    return TraceSettings(raw["endpoint"], raw["service"], float(raw.get("sampling", 1.0)))


def read_tls(settings: Mapping[str, Any]) -> Tls | None:
    """The key `tls`. Raises KeyError."""
    raw = settings.get("tls")
    if raw is None:
        return None
    return Tls(raw.get("ca"), raw.get("certificate"), raw.get("key"), verify=raw["verify"])


def read_sentinel(settings: Mapping[str, Any], key: str) -> Sentinel | None:
    """The key `sentinel` or `resultSentinel`. Raises KeyError."""
    raw = settings.get(key)
    return None if raw is None else Sentinel(raw["masterName"], tls=raw["tls"])
