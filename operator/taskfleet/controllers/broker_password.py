"""The password of a managed Redis: made once, never replaced, found again by the next Broker of the name."""

import base64
import secrets

from taskfleet.api import Broker, Key, Object
from taskfleet.controllers.children import controlled_by
from taskfleet.controllers.context import Context
from taskfleet.kube.cache import BROKER_LABEL
from taskfleet.kube.errors import NameConflictError
from taskfleet.resources.broker_auth_secret import broker_auth_secret
from taskfleet.resources.broker_names import auth_secret_name
from taskfleet.resources.labels import RETAINED_FROM


async def ensure_password(raw: Object, broker: Broker, context: Context) -> str:
    """The password, from its Secret or new. Raises NameConflictError where somebody else has that name."""
    key = Key("Secret", broker.namespace, auth_secret_name(broker.name))
    live = await context.gateway.get(key)
    if live is not None and not (controlled_by(live, raw) or _retained_for(live, broker)):
        raise NameConflictError(key.kind, key.name)
    encoded = ((live or {}).get("data") or {}).get("password")
    password = base64.b64decode(encoded).decode() if encoded else secrets.token_urlsafe(24)
    built = broker_auth_secret(broker, password=password)
    await context.children.bring_to(built, {**live, "kind": "Secret"} if live else None)
    return password


def _retained_for(live: Object, broker: Broker) -> bool:
    """Whether a deleted Broker of this name left the Secret behind, or this one keeps it without owning it."""
    metadata = live["metadata"]
    labelled = (metadata.get("labels") or {}).get(BROKER_LABEL) == broker.name
    return labelled and RETAINED_FROM in (metadata.get("annotations") or {})
