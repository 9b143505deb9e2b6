"""When a managed Redis gets the image that the operator was installed with: one shows first that it comes up. Pure."""

from collections.abc import Collection, Mapping

from taskfleet.api import Key, Object
from taskfleet.api.stored import status_of
from taskfleet.resources.broker_pod_template import CONTAINER


def names_image(broker: Object) -> bool:
    """Whether a Broker, as it is stored, has an image of its own, so that the operator's is nothing to it."""
    redis = (broker.get("spec") or {}).get("redis") or {}
    containers = ((redis.get("template") or {}).get("spec") or {}).get("containers") or []
    return bool(redis.get("image")) or any(
        one.get("name") == CONTAINER and one.get("image") for one in containers
    )


def may_take(image: str, redis: Key, redises: Mapping[Key, Object], followers: Collection[Key]) -> bool:
    """Whether a StatefulSet may get the image now. `followers`: those that get it by default.

    Until one has come up with it, one tries it at a time, the first of those that are up. Then who does not come up holds
    up no more than its namespace: tenants are not each other's trouble. Who is down has nothing to lose.
    """
    if not _is_up(redises[redis]):
        return True
    having = {key: one for key, one in redises.items() if image_of(one) == image}
    moving = {key for key, one in having.items() if _is_moving(one)}
    if any(_is_up(one) for key, one in having.items() if key not in moving):
        return all(key.namespace != redis.namespace for key in moving)
    waiting = [key for key in followers if key in redises and key not in having and _is_up(redises[key])]
    return not moving and redis == min(waiting, default=None)


def image_of(stateful_set: Object) -> str | None:
    """The image of the Redis in its template."""
    container = _container(stateful_set)
    image: str | None = container.get("image") if container is not None else None
    return image


def with_image(stateful_set: Object, image: str) -> None:
    """Set it in the template."""
    container = _container(stateful_set)
    assert container is not None
    container["image"] = image


def _container(stateful_set: Object) -> Object | None:
    containers = stateful_set["spec"]["template"]["spec"]["containers"]
    return next((one for one in containers if one["name"] == CONTAINER), None)


def _is_up(stateful_set: Object) -> bool:
    return bool(status_of(stateful_set).get("readyReplicas"))


def _is_moving(stateful_set: Object) -> bool:
    """Whether its pod is still to be replaced, or to come up for the first time since it was."""
    status = status_of(stateful_set)
    if status.get("observedGeneration", 0) < stateful_set["metadata"].get("generation", 0):
        return True
    return bool(status.get("currentRevision") != status.get("updateRevision"))
