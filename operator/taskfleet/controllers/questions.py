"""Who may query the operator about a pool, as the API server reviews them: docs/reference/permissions.md."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from taskfleet.api import GROUP, Key, Object
from taskfleet.api.names import is_object_name
from taskfleet.api.questions import AUDIENCE
from taskfleet.controllers.context import Context
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway

_LONGEST_TOKEN = 8192
_REMEMBERED_SECONDS = 10.0
_MOST_REMEMBERED = 1000
# The port is open to the cluster's network: more reviews at once would be a load on the API server.
_AT_ONCE = 4
_WAITING = 16


class RefusedError(Exception):
    """The query has no answer; the text is a message for the user, `status` the HTTP code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Question:
    """`verb`: the permission on the WorkerPool that the answer requires; `parameters`: what else `tell` takes by name."""

    verb: str
    tell: Callable[..., Awaitable[Object]]
    parameters: tuple[str, ...] = ()


class Authorizer:
    """Asks the API server, and remembers its answer for ten seconds. `clock` is monotonic."""

    def __init__(self, gateway: Gateway, clock: Callable[[], float]) -> None:
        self._gateway = gateway
        self._clock = clock
        self._users: OrderedDict[bytes, tuple[float, Mapping[str, Any] | None]] = OrderedDict()
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def require(self, token: str, verb: str, pool: Key) -> None:
        """Raises RefusedError unless the holder of `token` may do `verb` to the pool."""
        if not (is_object_name(pool.namespace) and is_object_name(pool.name)):
            raise RefusedError(
                400, "The request does not name a WorkerPool: set the parameters namespace and pool."
            )
        if not token or len(token) > _LONGEST_TOKEN or not token.isascii() or not token.isprintable():
            raise RefusedError(401, "The request has no valid token: send a bearer token of the API server.")
        if self._waiting >= _WAITING:
            raise RefusedError(429, "Too many concurrent requests. Retry in a moment.")
        self._waiting += 1
        try:
            async with self._at_once:
                await self._require(token, verb, pool)
        except ApiError as error:
            raise RefusedError(
                503,
                f"The API server cannot review the request ({error.status} {error.reason}). Retry "
                "in a moment.",
            ) from None
        finally:
            self._waiting -= 1

    async def _require(self, token: str, verb: str, pool: Key) -> None:
        user = await self._user(token)
        if user is None:
            raise RefusedError(401, "The API server does not accept the token. Send a valid one.")
        known = {name: user[name] for name in ("groups", "uid", "extra") if name in user}
        attributes = {
            "namespace": pool.namespace,
            "verb": verb,
            "group": GROUP,
            "resource": "workerpools",
            "name": pool.name,
        }
        review = {"user": user.get("username", ""), **known, "resourceAttributes": attributes}
        answer = await self._gateway.review("SubjectAccessReview", review)
        if answer.get("allowed") is not True:
            name = user.get("username", "")
            raise RefusedError(
                403, f"User {name!r} cannot {verb} WorkerPool {pool.name!r} in namespace {pool.namespace!r}."
            )

    async def _user(self, token: str) -> Mapping[str, Any] | None:
        """Whose token it is: one that was made for us, or one that its holder shows to the API server."""
        digest, now = hashlib.sha256(token.encode()).digest(), self._clock()
        if digest in self._users and now - self._users[digest][0] < _REMEMBERED_SECONDS:
            return self._users[digest][1]
        user = None
        for audiences in ({"audiences": [AUDIENCE]}, {}):
            answer = await self._gateway.review("TokenReview", {"token": token, **audiences})
            if answer.get("authenticated") is True:
                user = answer.get("user") or {}
                break
        self._users[digest] = now, user
        self._users.move_to_end(digest)
        while len(self._users) > _MOST_REMEMBERED:
            self._users.popitem(last=False)
        return user


async def answer(
    question: Question,
    pool: Key,
    token: str,
    authorizer: Authorizer,
    context: Context,
    *,
    query: Mapping[str, str] = MappingProxyType({}),
) -> Object:
    """The answer about a pool, as JSON. Raises RefusedError; the caller is checked before the pool's existence."""
    await authorizer.require(token, question.verb, pool)
    raw = context.cache.get(*pool)
    if raw is None:
        raise RefusedError(404, f"{pool} does not exist.")
    given = {name: query[name] for name in question.parameters if name in query}
    return await question.tell(raw, context, **given)
