"""A large fleet with everything that a page has to show: problems, dead letters, hostile texts, events."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from taskfleet.api import Object
from taskfleet.api.base import rfc3339

NOW = datetime.now(UTC)
NAMESPACES = 20
MARKUP = '<img src=x onerror="window.hostile=1"><script>window.hostile=1</script>\'"&{{7*7}}${7*7}'
_APPS = ("mail", "reports", "thumbnails", "billing", "search", "imports", "webhooks", "exports")


def fleet(pools: int) -> Iterator[Object]:
    """Of each 10 pools there are 5 queues, 2 schedules and 10 events; a broker for each namespace."""
    for number in range(min(NAMESPACES, pools)):
        yield _broker(number)
    for number in range(pools):
        yield _pool(number)
        yield _event(number)
        if number % 2 == 0:
            yield _queue(number)
        if number % 5 == 0:
            yield _schedule(number)


def place(number: int) -> tuple[str, str]:
    """Namespace and name of a pool."""
    return f"team-{number % NAMESPACES:02}", f"{_APPS[number % len(_APPS)]}-{number:04}"


def history(number: int) -> Object:
    """The last hour of a pool, as the operator tells it: a burst that ends, with the pods behind it."""
    waiting = [max(0, round(600 * math.exp(-(((at - 90) / 30) ** 2))) - 5) for at in range(240)]
    ready = [min(22, wait // 25 + 1) for wait in [0, 0, *waiting[:-2]]]
    series: dict[str, list[int | None]] = {
        "waiting": [*waiting],
        "inFlight": [3 * one for one in ready],
        "desired": [min(22, wait // 25 + 1) for wait in waiting],
        "ready": [*ready],
        "busy": [max(0, one - 1) for one in ready],
        "draining": [0] * 240,
        "failed": [number + (at > 100) * 3 + (at > 110) for at in range(240)],
    }
    return {"step": 15, "end": rfc3339(NOW), "series": series}


def failures(number: int) -> list[Object]:
    """The failed tasks of a pool, as the operator tells them: two causes."""
    causes = (
        ("shop.tasks.pay", "CardDeclined", "order {} was declined"),
        ("shop.tasks.mail", "OSError", MARKUP),
    )
    return [
        {
            "name": name,
            "exception": error,
            "message": text.replace("{}", str(one)),
            "time": NOW.timestamp() - one * 60,
        }
        for one in range(number % 7 + 2)
        for name, error, text in (causes[one % 2],)
    ]


def _own(kind: str, namespace: str, name: str, spec: Object, status: Object) -> Object:
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name, "creationTimestamp": _ago(days=3)},
        "spec": spec,
        "status": status,
    }


def _pool(number: int) -> Object:
    namespace, name = place(number)
    size, waiting = number % 23, (number * 37) % 900 if number % 3 else 0
    busy = min(size, number % 19)
    decisions = [
        {
            "time": _ago(minutes=one * 7 + 1),
            "from": max(0, size - one - 1),
            "to": max(0, size - one),
            "reason": "Demand",
            "message": f"{waiting} waiting + {busy} running at 4 per pod: {max(0, size - one)} pods.",
        }
        for one in range(4, -1, -1)
    ]
    notes = [MARKUP] if number == 7 else []
    status = {
        "conditions": _conditions(number),
        **{"replicas": size, "readyReplicas": size, "desiredReplicas": size, "busyReplicas": busy},
        **{"drainingReplicas": 0, "waiting": waiting, "inFlight": busy * 3, "requeued": 0},
        "deadLetters": 12 if number % 97 == 5 else 0,
        "notes": notes,
        "worker": {
            **{
                "celeryVersion": "5.6.0",
                "kombuVersion": "5.6.1",
                "pythonVersion": "3.12.4",
                "pool": "prefork",
            },
            **{"capacity": 4, "queues": [name], "acksLate": True, "prefetchCount": 4, "inputsHash": "0" * 16},
        },
        "runtimeVersion": "0.1.0",
        **{"decisions": decisions, "lastDecision": decisions[-1]},
    }
    spec: Object = {
        "app": "shop.celery",
        "image": f"registry.test/{name}:1.2",
        "queues": [name],
        "concurrency": 4,
    }
    if number == 7:
        spec["app"] = MARKUP
        spec["queues"] = [name, MARKUP]
    if number % 4 == 1:
        return _own("WorkerPool", namespace, name, {**spec, "replicas": size}, status)
    return _own(
        "WorkerPool", namespace, name, {**spec, "autoscale": {"minReplicas": 0, "maxReplicas": 22}}, status
    )


def _conditions(number: int) -> list[Object]:
    ready: Object = {
        "type": "Ready",
        "status": "True",
        "reason": "Available",
        "message": "All wanted pods are ready.",
    }
    if number % 101 == 7:
        message = "Pod cannot start: image not found. Correct spec.image." + (MARKUP if number == 7 else "")
        ready |= {"status": "False", "reason": "ImagePullFailed", "message": message}
    limited = number % 23 == 22
    more: Object = {
        "type": "ScalingLimited",
        "status": str(limited),
        "reason": "MaxReplicas" if limited else "InRange",
    }
    more["message"] = (
        "30 pods are needed, maxReplicas is 22: raise it." if limited else "The size is within its limits."
    )
    return [{**one, "lastTransitionTime": _ago(minutes=number % 50 + 1)} for one in (ready, more)]


def _queue(number: int) -> Object:
    namespace, name = place(number)
    waiting, consumers = (number * 37) % 900 if number % 3 else 0, number % 23
    healthy: Object = {
        "type": "Healthy",
        "status": "True",
        "reason": "BelowLimits",
        "message": "Below its limits.",
    }
    if waiting > 850:
        healthy |= {
            "status": "False",
            "reason": "TooManyWaiting",
            "message": f"{waiting} messages wait, above 850.",
        }
    ready = {"type": "Ready", "status": "True", "reason": "Observed", "message": "The queue is observed."}
    status = {
        **{
            "waiting": waiting,
            "unacked": number % 40,
            "oldestAge": f"{number % 59 + 1}m" if waiting else "0s",
        },
        **{
            "consumers": consumers,
            "pools": [name],
            "arrivalRate": number % 17 / 2,
            "completionRate": number % 13 / 2,
        },
        "conditions": [ready, healthy],
    }
    return _own("TaskQueue", namespace, name, {}, status)


def _schedule(number: int) -> Object:
    namespace, name = place(number)
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Scheduled",
        "message": "The broker's beat sends runs on time.",
    }
    status = {
        "lastScheduleTime": _ago(minutes=number % 60 + 1),
        "nextScheduleTime": rfc3339(NOW + timedelta(minutes=number % 60 + 1)),
        **{
            "totalRunCount": number * 3,
            "missedRunCount": 2 if number % 50 == 0 else 0,
            "conditions": [ready],
        },
    }
    spec = {
        "task": f"shop.tasks.{name.split('-')[0]}",
        "queue": name,
        "schedule": f"{number % 60} * * * *",
        "timeZone": "UTC",
    }
    return _own("PeriodicSchedule", namespace, f"hourly-{name}", spec, status)


def _broker(number: int) -> Object:
    ready = {"type": "Ready", "status": "True", "reason": "Available", "message": "Redis answers."}
    status = {
        **{"endpoint": f"default-broker.team-{number:02}:6379", "version": "7.4.1", "clients": 40 + number},
        **{"memory": f"{10 + number}Mi of 256Mi", "expiredRequeued": 0, "conditions": [ready]},
        "unconsumedQueues": [{"name": "legacy", "waiting": 41}] if number == 3 else [],
    }
    return _own("Broker", f"team-{number:02}", "default", {}, status)


def _event(number: int) -> Object:
    namespace, name = place(number)
    warning = number % 101 == 7
    message = f"The number of pods changes from {number % 7} to {number % 23}."
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{name}.{number:016x}"},
        "involvedObject": {"apiVersion": "taskfleet.dev/v1alpha1", "kind": "WorkerPool", "name": name},
        **{"type": "Warning" if warning else "Normal", "reason": "ImagePullFailed" if warning else "Scaled"},
        "message": MARKUP if number == 7 else message,
        **{
            "count": number % 3 + 1,
            "firstTimestamp": _ago(minutes=59),
            "lastTimestamp": _ago(minutes=number % 59),
        },
    }


def _ago(**given: float) -> str:
    return rfc3339(NOW - timedelta(**given))
