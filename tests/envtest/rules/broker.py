"""Broker: what is let in and what is refused."""

from functools import partial

from taskfleet.api import Object
from tests.envtest.rules.case import Case

OBJECT, ARRAY, STRING = (f'Invalid value: "{kind}": ' for kind in ("object", "array", "string"))
EXTERNAL = {"urlSecretRef": {"name": "redis", "key": "url"}}
SHRINK = (
    f"{OBJECT}redis.storage.size cannot shrink: restore the previous value, or delete the Broker "
    "and its volume, which deletes its messages."
)
CLASS = (
    f"{OBJECT}redis.storage.storageClassName cannot change: restore the previous value, or delete "
    "the Broker and its volume, which deletes its messages."
)


_case = partial(Case, "Broker")


def _storage(**storage: str) -> Object:
    return {"redis": {"storage": storage}}


VALID_SPEC: Object = {}
CASES = (
    _case(
        "managed-beside-external",
        {"external": EXTERNAL},
        {"external": EXTERNAL, "redis": {}},
        "redis",
        f"{OBJECT}redis and external cannot both be set: remove external for a managed Redis, or "
        "remove redis.",
    ),
    _case(
        "external-without-a-url",
        {"external": EXTERNAL},
        {"external": {"sentinel": {"masterName": "main"}}},
        "external.urlSecretRef",
        "Required value",
    ),
    _case(
        "requests-above-limits",
        {"redis": {"resources": {"requests": {"cpu": 1}, "limits": {"cpu": "1000m"}}}},
        {"redis": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}},
        "redis.resources.requests",
        f"{OBJECT}a request exceeds its limit: lower the request or raise the limit.",
    ),
    _case(
        "name-of-a-resource",
        {"redis": {"resources": {"limits": {"memory": "1Gi"}}}},
        {"redis": {"resources": {"limits": {"memory ": "1Gi"}}}},
        "redis.resources.limits",
        f"{OBJECT}a resource name is not valid: use cpu, memory, or a name such as nvidia.com/gpu.",
    ),
    _case(
        "image-with-a-space",
        {"redis": {"image": "redis:8"}},
        {"redis": {"image": "redis:8 "}},
        "redis.image",
        f'{STRING}"redis:8 " starts or ends with a space: remove the space.',
    ),
    _case(
        "volume-shrinks",
        _storage(size="2048Mi"),
        _storage(size="1Gi"),
        "",
        SHRINK,
        before=_storage(size="2Gi"),
    ),
    _case(
        "volume-of-an-empty-spec-shrinks",
        _storage(size="2Gi"),
        _storage(size="512Mi"),
        "",
        SHRINK,
        before={},
    ),
    _case(
        "storage-class-changes",
        _storage(storageClassName="fast", size="2Gi"),
        _storage(storageClassName="slow"),
        "",
        CLASS,
        before=_storage(storageClassName="fast"),
    ),
    _case(
        "storage-class-of-an-empty-spec-changes",
        {"redis": {}},
        _storage(storageClassName="fast"),
        "",
        CLASS,
        before={},
    ),
    _case(
        "an-external-broker-may-become-any-managed-one",
        _storage(storageClassName="fast", size="100Mi"),
        {"external": EXTERNAL, "redis": {}},
        "redis",
        f"{OBJECT}redis and external cannot both be set: remove external for a managed Redis, or "
        "remove redis.",
        before={"external": EXTERNAL},
    ),
    _case(
        "volume-size-without-a-unit",
        _storage(size="10Gi"),
        _storage(size="10"),
        "redis.storage.size",
        f'{STRING}"10" is not a valid size: use a whole number with a unit, such as 256Mi or 1Gi.',
    ),
    _case(
        "maxmemory-without-a-unit",
        {"redis": {"maxMemory": "1G"}},
        {"redis": {"maxMemory": "1 Gi"}},
        "redis.maxMemory",
        f'{STRING}"1 Gi" is not a valid size: use a whole number with a unit, such as 256Mi or 1Gi.',
    ),
    _case(
        "visibility-timeout-of-zero",
        {"visibilityTimeout": "12h"},
        {"visibilityTimeout": "0s"},
        "visibilityTimeout",
        f"{STRING}0s is too short: use at least 1s, or remove the field.",
    ),
    _case(
        "visibility-timeout-in-seconds",
        {"visibilityTimeout": "3600s"},
        {"visibilityTimeout": "3600"},
        "visibilityTimeout",
        f'{STRING}"3600" is not a valid duration: use hours, minutes and seconds, such as 30s, 5m or 1h30m.',
    ),
    *(
        _case(
            f"priority-steps-{name}",
            {"prioritySteps": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]},
            {"prioritySteps": steps},
            "prioritySteps",
            f"{ARRAY}prioritySteps must start with 0 and be in ascending order: use values such "
            "as [0, 3, 6, 9].",
        )
        for name, steps in {"without-0": [3, 6], "falling": [0, 6, 3], "twice": [0, 3, 3]}.items()
    ),
)
