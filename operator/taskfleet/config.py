"""The operator's settings: environment variables TASKFLEET_*, each also a flag of `taskfleet operator`."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, IPvAnyNetwork
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from taskfleet import __version__


class UpgradePools(StrEnum):
    """What happens to running workers when the operator is upgraded."""

    # They stay until their pool's spec changes or a user runs `kubectl taskfleet upgrade`.
    MANUAL = "Manual"
    ONE_AT_A_TIME = "OneAtATime"  # the operator rolls one pool after another


def _names(value: object) -> object:
    """Names from a comma-separated string or from repeated flags, each once: one is watched once."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list):
        return value
    names = (part.strip() for each in given for part in str(each).split(","))
    return list(dict.fromkeys(name for name in names if name))


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TASKFLEET_", extra="ignore")

    namespaces: Annotated[list[str], NoDecode, BeforeValidator(_names)] = Field(
        default=[], description="Namespaces to watch. Empty: the whole cluster."
    )
    runtime_image: str = Field(
        default=f"taskfleet-worker:{__version__}",
        description="Image of the init container that installs the worker runtime.",
    )
    celery_image: str = Field(
        default=f"taskfleet-celery:{__version__}",
        description="Image of the beat that sends the runs of PeriodicSchedules.",
    )
    redis_image: str = Field(
        default="redis:7-alpine", description="Image of managed Brokers that do not set one."
    )
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = Field(
        default="IfNotPresent", description="Pull policy of the images that the operator adds."
    )
    image_pull_secrets: Annotated[list[str], NoDecode, BeforeValidator(_names)] = Field(
        default=[],
        description="Secrets, in each namespace, to pull the images that the operator adds.",
    )
    auto_create_broker: bool = Field(
        default=True, description="Create the Broker `default` if a pool refers to it and it does not exist."
    )
    upgrade_pools: UpgradePools = Field(
        default=UpgradePools.MANUAL, description="How an upgraded operator updates running pools."
    )
    broker_addresses: Annotated[list[IPvAnyNetwork], NoDecode, BeforeValidator(_names)] = Field(
        default=[],
        description="CIDRs that brokers may be in. Empty: all but the denied ones.",
    )
    denied_broker_addresses: Annotated[list[IPvAnyNetwork], NoDecode, BeforeValidator(_names)] = Field(
        default=[],
        description="CIDRs that brokers may not be in, in addition to link-local addresses.",
    )
    http_port: int = Field(
        default=8080, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics."
    )
    log_format: Literal["json", "console"] = Field(default="json", description="Format of the log.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level that is logged."
    )
    resync_interval: float = Field(
        default=300.0, gt=0, description="Seconds between two resyncs of the cache."
    )
    lease_namespace: str = Field(
        default="", description="Namespace of the Lease. Default: the operator's own."
    )
    lease_name: str = Field(
        default="taskfleet-operator", description="Name of the Lease for leader election."
    )
    pod_name: str = Field(
        default="", validation_alias="POD_NAME", description="Name of this pod, for the Lease."
    )
    pod_namespace: str = Field(
        default="", validation_alias="POD_NAMESPACE", description="The operator's namespace."
    )

    otlp_endpoint: str = Field(
        default="",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#@]*)?)?$",
        description="Base URL of an OpenTelemetry collector, for spans of scaling decisions. Empty: none are sent.",
    )
    otlp_sampling: float = Field(default=1.0, ge=0, le=1, description="Share of these spans that is sent.")
    otlp_headers: str = Field(
        default="",
        validation_alias="TASKFLEET_OTLP_HEADERS",
        description="Headers for the collector, as k=v,k2=v2.",
    )

    @property
    def recheck_interval(self) -> float:
        """Seconds after which unwatched objects are read again: Secrets, and objects of other owners."""
        return min(60.0, self.resync_interval)
