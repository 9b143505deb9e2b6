"""The API: what users write and read. Every field of every kind is defined here and nowhere else."""

from taskfleet.api.address_parts import Address, Sentinel
from taskfleet.api.autoscale import Autoscale
from taskfleet.api.base import (
    GROUP,
    VERSION,
    InvalidObject,
    Key,
    Model,
    Object,
    ObjectMeta,
    Resource,
    Timestamp,
)
from taskfleet.api.beat import Beat, BeatStorage
from taskfleet.api.broker import (
    Binding,
    Broker,
    BrokerSpec,
    BrokerStatus,
    Credentials,
    Redis,
    Storage,
)
from taskfleet.api.conditions import Condition, Status
from taskfleet.api.external_broker import CertificateSecretRef, External
from taskfleet.api.kinds import KINDS, KindInfo
from taskfleet.api.periodic_schedule import (
    PeriodicSchedule,
    PeriodicScheduleSpec,
    PeriodicScheduleStatus,
    Solar,
    Trigger,
)
from taskfleet.api.pod import EnvFrom, EnvSource, EnvVar, Resources
from taskfleet.api.pool_type import PoolType
from taskfleet.api.quantities import (
    Duration,
    MemorySize,
    Quantity,
    format_duration,
    parse_duration,
    parse_quantity,
)
from taskfleet.api.references import BrokerRef, ConfigMapKeyRef, KeySource, SecretKeyRef
from taskfleet.api.result_backend import BrokerDatabase, ResultBackend
from taskfleet.api.task_queue import AlertAbove, Purge, TaskQueue, TaskQueueSpec, TaskQueueStatus
from taskfleet.api.worker_pool import ProcessAutoscale, WorkerPool, WorkerPoolSpec
from taskfleet.api.worker_pool_status import Decision, HandledDeadLetters, ObservedWorker, WorkerPoolStatus

__all__ = [
    "GROUP",
    "KINDS",
    "VERSION",
    "Address",
    "AlertAbove",
    "Autoscale",
    "Beat",
    "BeatStorage",
    "Binding",
    "Broker",
    "BrokerDatabase",
    "BrokerRef",
    "BrokerSpec",
    "BrokerStatus",
    "CertificateSecretRef",
    "Condition",
    "ConfigMapKeyRef",
    "Credentials",
    "Decision",
    "Duration",
    "EnvFrom",
    "EnvSource",
    "EnvVar",
    "External",
    "HandledDeadLetters",
    "InvalidObject",
    "Key",
    "KeySource",
    "KindInfo",
    "MemorySize",
    "Model",
    "Object",
    "ObjectMeta",
    "ObservedWorker",
    "PeriodicSchedule",
    "PeriodicScheduleSpec",
    "PeriodicScheduleStatus",
    "PoolType",
    "ProcessAutoscale",
    "Purge",
    "Quantity",
    "Redis",
    "Resource",
    "Resources",
    "ResultBackend",
    "SecretKeyRef",
    "Sentinel",
    "Solar",
    "Status",
    "Storage",
    "TaskQueue",
    "TaskQueueSpec",
    "TaskQueueStatus",
    "Timestamp",
    "Trigger",
    "WorkerPool",
    "WorkerPoolSpec",
    "WorkerPoolStatus",
    "format_duration",
    "parse_duration",
    "parse_quantity",
]
