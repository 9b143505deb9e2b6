"""The password of a managed Redis: made once, never replaced, found again by the next Broker of the name."""

import base64
import secrets
from dataclasses import dataclass

from taskfleet.api import Broker, Key, Object
from taskfleet.controllers.context import Context
from taskfleet.controllers.ownership import is_retained
from taskfleet.resources.broker_auth_secret import PASSWORD
from taskfleet.resources.broker_names import auth_secret_name, connection_secret_name


@dataclass(frozen=True, repr=False)
class Password:
    """`secret`: the one that has it; None where it is still to be made."""

    text: str
    secret: Object | None


async def read_password(raw: Object, broker: Broker, context: Context) -> Password:
    """The password, from its Secret or new. Raises NameConflictError if the Secret of that name has another owner."""
    key = Key("Secret", broker.namespace, auth_secret_name(broker.name))
    live = await context.children.find(key, owner=raw, retained=lambda live: is_retained(live, raw))
    text = _password_in(live) or await _password_in_use(raw, broker, context) or secrets.token_urlsafe(24)
    return Password(text, live)


async def _password_in_use(raw: Object, broker: Broker, context: Context) -> str | None:
    """The password that this Broker's Redis runs with, if only the Secret that it came from was deleted."""
    key = Key("Secret", broker.namespace, connection_secret_name(broker.name))
    return _password_in(await context.children.find(key, owner=raw))


def _password_in(secret: Object | None) -> str | None:
    encoded = ((secret or {}).get("data") or {}).get(PASSWORD)
    return base64.b64decode(encoded).decode() if encoded else None
