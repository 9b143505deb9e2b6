"""Queries to the operator, through the API server's Service proxy. It reviews the token that comes with each.

`kubectl proxy` shows nobody's token, so a kubeconfig's own is read from it; who comes with a certificate or a login of
another kind asks in the name of the operator's account for that, which requires permission to create its tokens.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from taskfleet.api import Key, Object
from taskfleet.api.base import rfc3339
from taskfleet.api.questions import AUDIENCE, CLIENT_ACCOUNT_SUFFIX, PORT, TOKEN_HEADER
from taskfleet.commands.failed_groups import grouped
from taskfleet.kube.resource_types import service_proxy_path, token_path
from taskfleet.ui.api_server import ApiServer

_TOKEN_SECONDS = 600
_RENEWED_BEFORE_SECONDS = 60


MAX_TASKS = 2000
"""Failed tasks that are read for the groups, the newest ones."""


@dataclass
class OperatorQueries:
    """`token`: the kubeconfig's, or None. `lease` is where the operator is; its Service has the same name."""

    server: ApiServer
    lease: Key
    token: str | None = field(repr=False)
    _made: tuple[float, str] | None = field(default=None, repr=False)

    async def history(self, pool: Key) -> Object:
        """The last hour of a pool. Raises ApiError, also where the operator refuses."""
        return await self._ask("history", pool)

    async def failed(self, pool: Key) -> Object:
        """The newest failed tasks of a pool by task and cause, without arguments. Raises ApiError."""
        tasks: list[Object] = []
        before: str | None = ""
        while before is not None and len(tasks) < MAX_TASKS:
            page = await self._ask("failed", pool, **({"before": before} if before else {}))
            tasks += [_summary(task) for task in page["tasks"]]
            before = None if page["next"] is None else str(page["next"])
        return {"groups": grouped(tasks), "tasks": len(tasks), "more": before is not None}

    async def _ask(self, path: str, pool: Key, **more: str) -> Object:
        service = service_proxy_path(Key("Service", self.lease.namespace, self.lease.name), PORT, path)
        query = {"namespace": pool.namespace, "pool": pool.name, **more}
        return await self.server.get(service, query, headers={TOKEN_HEADER: await self._token()})

    async def _token(self) -> str:
        if self.token is not None:
            return self.token
        now = time.monotonic()
        if self._made is None or self._made[0] - _RENEWED_BEFORE_SECONDS < now:
            account = Key("ServiceAccount", self.lease.namespace, f"{self.lease.name}{CLIENT_ACCOUNT_SUFFIX}")
            spec = {"audiences": [AUDIENCE], "expirationSeconds": _TOKEN_SECONDS}
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
            answer = await self.server.post(token_path(account), body)
            self._made = now + _TOKEN_SECONDS, str(answer["status"]["token"])
        return self._made[1]


def _summary(task: Object) -> Object:
    when = rfc3339(datetime.fromtimestamp(task["time"], UTC))
    return {"time": when, **{name: task[name] for name in ("name", "exception", "message")}}
