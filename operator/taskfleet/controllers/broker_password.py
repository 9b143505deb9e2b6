"""The password of a managed Redis: made once, never replaced, found again by the next Broker of the name."""

import base64
import secrets

from taskfleet.api import Broker, Key, Object
from taskfleet.controllers.context import Context
from taskfleet.kube.cache import BROKER_LABEL
from taskfleet.resources.broker_auth_secret import PASSWORD, broker_auth_secret
from taskfleet.resources.broker_names import auth_secret_name, connection_secret_name
from taskfleet.resources.labels import RETAINED_FROM


async def ensure_password(raw: Object, broker: Broker, context: Context) -> str:
    """The password, from its Secret or new. Raises NameConflictError if the Secret of that name has another owner."""
    key = Key("Secret", broker.namespace, auth_secret_name(broker.name))
    live = await context.children.find(key, owner=raw, retained=lambda live: _retained_for(live, broker))
    password = _password_in(live) or await _password_in_use(raw, broker, context) or secrets.token_urlsafe(24)
    await context.children.apply_if_changed(broker_auth_secret(broker, password=password), live, owner=raw)
    return password


async def _password_in_use(raw: Object, broker: Broker, context: Context) -> str | None:
    """The password that this Broker's Redis runs with, if only the Secret that it came from was deleted."""
    key = Key("Secret", broker.namespace, connection_secret_name(broker.name))
    return _password_in(await context.children.find(key, owner=raw))


def _password_in(secret: Object | None) -> str | None:
    encoded = ((secret or {}).get("data") or {}).get(PASSWORD)
    return base64.b64decode(encoded).decode() if encoded else None


def _retained_for(live: Object, broker: Broker) -> bool:
    """Whether a deleted Broker of this name left the Secret behind, or this one keeps it without owning it."""
    metadata = live["metadata"]
    labeled = (metadata.get("labels") or {}).get(BROKER_LABEL) == broker.name
    return labeled and RETAINED_FROM in (metadata.get("annotations") or {})
