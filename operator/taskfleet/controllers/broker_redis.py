"""The Redis that a Broker runs, as memory knows it."""

from taskfleet.api import Broker, Key, Object
from taskfleet.api.reasons import ConditionType, Reason
from taskfleet.api.stored import is_terminating
from taskfleet.controllers.broker_plan import RedisInputs
from taskfleet.controllers.conditions import reason_of
from taskfleet.controllers.context import Context
from taskfleet.controllers.redis_image import image_of, may_take, names_image
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.broker_config_map import COMPONENT
from taskfleet.resources.broker_names import broker_name
from taskfleet.resources.labels import COMPONENT as COMPONENT_LABEL


def see_redis(raw: Object, broker: Broker, context: Context) -> RedisInputs:
    key = Key("StatefulSet", broker.namespace, broker_name(broker.name))
    live = context.children.recall(key, owner=raw)
    may_take_image = live is None or _may_take_image(raw, key, live, context)
    return RedisInputs(broker, context.installation, live, may_take_image)


def redis_pods(broker: Broker, context: Context) -> list[Object]:
    pods = context.cache.children("Pod", broker.key)
    return [pod for pod in pods if pod["metadata"]["labels"].get(COMPONENT_LABEL) == COMPONENT]


def _may_take_image(raw: Object, key: Key, live: Object, context: Context) -> bool:
    """Whether a running Redis may get the operator's image now. One that has it, or an image of its own, may."""
    image = context.installation.redis_image
    if names_image(raw) or image_of(live) == image:
        return True
    redises = {key_of(one): one for one in context.cache.all("StatefulSet")}
    return may_take(image, key, redises, _followers(context))


def _followers(context: Context) -> set[Key]:
    """The StatefulSets of the Brokers that take the operator's image, except those that only another spec changes."""
    return {
        Key("StatefulSet", raw["metadata"]["namespace"], broker_name(raw["metadata"]["name"]))
        for raw in context.cache.all("Broker")
        if not names_image(raw)
        and not is_terminating(raw)
        and reason_of(raw, ConditionType.STALLED) in (None, Reason.SETTLED)
    }
