"""An API server in memory, for tests of whatever speaks through the Gateway: no patches, no cluster, no time.

It does what the operator relies on: resource versions and generations, server-side apply with owners of
fields, preconditions, status as a subresource, metadata lists in pages. Unlike the real one it replaces
lists as a whole, checks no schema and fills in one default: a Deployment without `replicas` gets 1.
"""

import asyncio
import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from taskfleet.api import Key, Object
from taskfleet.kube.api_call import APPLY
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import OWN_TYPES, RESOURCE_TYPES, key_of
from tests.envtest.api_calls import ApiCall, parse

Path = tuple[str, ...]
_KINDS = {resource.plural: kind for kind, resource in RESOURCE_TYPES.items()}
_WITH_GENERATION = {*OWN_TYPES, "Deployment", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy"}
_IDENTITY: set[Path] = {
    ("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid"),
    ("metadata", "resourceVersion"),
}  # fmt: skip


class RefusalError(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.answer = status, {"kind": "Status", "reason": reason, "message": message, "code": status}


@dataclass(frozen=True)
class Request:
    """One call as it came: who asked for what."""

    call: ApiCall
    manager: str
    body: Object | None

    def __str__(self) -> str:
        return f"{self.call} by {self.manager}" if self.manager else str(self.call)


@dataclass
class ApiServer:
    """`requests` grows by every call; `meanwhile` runs when an answer is made and not yet sent.

    `tokens` are the users that a TokenReview finds, by audience (empty: the API server's own) and token; `allowed` are
    what a SubjectAccessReview lets them do: user, verb, namespace, name of a WorkerPool.
    """

    objects: dict[Key, Object] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    bearer: str | None = None  # with which clients come; None: with a certificate
    username: str = "ann"  # as whom clients come
    tokens: dict[tuple[str, str], Object] = field(default_factory=dict)
    allowed: set[tuple[str, str, str, str]] = field(default_factory=set)
    meanwhile: Callable[[ApiCall], None] = lambda _: None
    _owned: dict[Key, dict[str, set[Path]]] = field(default_factory=dict)
    _refusals: list[tuple[Callable[[ApiCall], bool], RefusalError]] = field(default_factory=list)
    _version: int = 100

    def gateway(self, *, may_write: Callable[[], bool] = lambda: True) -> Gateway:
        return Gateway(MemoryClient(self), may_write=may_write)

    @property
    def writes(self) -> list[str]:
        return [str(request) for request in self.requests if request.call.is_write]

    def put(self, obj: Object) -> Object:
        """Somebody else's write: the object as it is stored then."""
        return copy.deepcopy(self._store(key_of(obj), copy.deepcopy(obj)))

    def drop(self, key: Key) -> Object:
        """Somebody else's deletion: the object as a watch tells it, at the version of its end."""
        self._version += 1
        gone = self.objects.pop(key)
        self._owned.pop(key, None)
        return {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self._version)}}

    def refuse(
        self,
        verb: str,
        resource: str,
        *,
        status: int = 403,
        reason: str = "Forbidden",
        message: str = "denied",
    ) -> None:
        """Refuse all such calls until `accept`."""
        self._refusals.append(
            (
                lambda call: (call.verb, call.resource) == (verb, resource),
                RefusalError(status, reason, message),
            )
        )

    def accept(self) -> None:
        self._refusals.clear()

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Object | None
    ) -> tuple[int, Object]:
        """Status and JSON of the answer to one request."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        call = parse(method, parts.path, query)
        self.requests.append(Request(call, query.get("fieldManager", ""), copy.deepcopy(body)))
        try:
            for matches, refusal in self._refusals:
                if matches(call):
                    raise refusal
            if call.resource == "selfsubjectreviews":
                answer: tuple[int, Object] = (201, {"status": {"userInfo": {"username": self.username}}})
            elif call.resource in ("tokenreviews", "subjectaccessreviews"):
                answer = (
                    201,
                    {"status": self._reviewed(call.resource, (body or {})["spec"])},
                )
            else:
                answer = 200, copy.deepcopy(self._act(call, query, headers, copy.deepcopy(body)))
        except RefusalError as refusal:
            answer = refusal.answer
        self.meanwhile(call)
        return answer

    def _reviewed(self, plural: str, spec: Object) -> Object:
        if plural == "tokenreviews":
            audiences = spec.get("audiences", [""])
            found = [
                self.tokens[one, spec["token"]] for one in audiences if (one, spec["token"]) in self.tokens
            ]
            return {"authenticated": True, "user": found[0]} if found else {"error": "unknown"}
        asked = spec["resourceAttributes"]
        assert (asked["group"], asked["resource"]) == ("taskfleet.dev", "workerpools")
        access = spec["user"], asked["verb"], asked["namespace"], asked["name"]
        return {"allowed": access in self.allowed}

    def _act(
        self, call: ApiCall, query: Mapping[str, str], headers: Mapping[str, str], body: Object | None
    ) -> Object:
        plural, _, subresource = call.resource.partition("/")
        key = Key(_KINDS[plural], call.namespace, call.name)
        if call.verb == "list":
            whole = "PartialObjectMetadataList" not in headers["Accept"]
            assert not whole or key.kind in OWN_TYPES, "of other kinds only metadata is ever listed"
            return self._list(key, query, whole=whole)
        if call.verb == "get":
            return self._live(key)
        assert body is not None
        if call.verb == "create":
            return self._create(key_of({"kind": key.kind, **body}), body)
        if call.verb == "delete":
            _check(self._live(key), body["preconditions"])
            return self.drop(key)
        assert call.verb == "patch"
        if headers["Content-Type"] == APPLY:
            return self._apply(key, body, query["fieldManager"], dry_run=call.dry_run)
        patch = {name: value for name, value in body.items() if name == "status"} if subresource else body
        return self._store(key, _merged(self._live(key), patch))

    def _live(self, key: Key) -> Object:
        if key not in self.objects:
            message = f'{RESOURCE_TYPES[key.kind].plural} "{key.name}" not found'
            raise RefusalError(404, "NotFound", message)
        return self.objects[key]

    def _create(self, key: Key, body: Object) -> Object:
        if key in self.objects:
            raise RefusalError(409, "AlreadyExists", f'"{key.name}" already exists')
        return self._store(key, body)

    def _list(self, wanted: Key, query: Mapping[str, str], *, whole: bool) -> Object:
        label, _, value = query.get("labelSelector", "").partition("=")
        found = [
            obj if whole else {"metadata": obj["metadata"]}
            for key, obj in sorted(self.objects.items())
            if key.kind == wanted.kind
            and wanted.namespace in ("", key.namespace)
            and (not label or (obj["metadata"].get("labels") or {}).get(label) == value)
        ]
        start, limit = int(query.get("continue", 0)), int(query.get("limit", len(found)))
        more = {"continue": str(start + limit)} if len(found) > start + limit else {}
        return {"items": found[start : start + limit] or None, "metadata": more}

    def _apply(self, key: Key, body: Object, manager: str, *, dry_run: bool) -> Object:
        live = self.objects.get(key)
        _check(live, body["metadata"])
        owned = self._owned.setdefault(key, {})
        named = set(_leaves(body)) - _IDENTITY
        others = {path for name, paths in owned.items() if name != manager for path in paths}
        applied = copy.deepcopy(live or {"metadata": {"name": key.name, "namespace": key.namespace}})
        for path in owned.get(manager, set()) - named - others:
            _drop(applied, path)
        applied = _merged(applied, body)
        if dry_run:
            dry: Object = applied
            return dry
        changed = {path for path in named if live is None or _value(live, path) != _value(body, path)}
        for paths in owned.values():
            paths.difference_update(changed)
        owned[manager] = named
        return self._store(key, applied)

    def _store(self, key: Key, obj: Object) -> Object:
        before = self.objects.get(key)
        obj = {"kind": key.kind, "apiVersion": RESOURCE_TYPES[key.kind].api_version, **obj}
        if key.kind == "Deployment":
            obj["spec"].setdefault("replicas", 1)
        fixed = before["metadata"] if before else self._new_metadata(key)
        named = {
            name: fixed[name]
            for name in ("uid", "resourceVersion", "generation", "creationTimestamp")
            if name in fixed
        }
        obj["metadata"] = {"namespace": key.namespace, **obj["metadata"], **named}
        if before == obj:
            return before
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        if before and key.kind in _WITH_GENERATION and _wishes(before) != _wishes(obj):
            obj["metadata"]["generation"] += 1
        self.objects[key] = obj
        return obj

    def _new_metadata(self, key: Key) -> Object:
        generation = {"generation": 1} if key.kind in _WITH_GENERATION else {}
        return {
            "uid": f"uid-{self._version + 1}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **generation,
        }


class MemoryClient:
    """What the Gateway uses of a `kubernetes.aio` client."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.configuration = Configuration()

    async def update_params_for_auth(self, headers: dict[str, str], *_: Any) -> None:
        if self._server.bearer is not None:
            headers["authorization"] = f"Bearer {self._server.bearer}"

    async def call_api(
        self, method: str, url: str, headers: Mapping[str, str], *, body: Object | bytes | None, **_: Any
    ) -> "Response":
        await asyncio.sleep(0)
        # YAML comes as bytes, in the form of JSON.
        sent = json.loads(body) if isinstance(body, bytes) else body
        status, answer = self._server.answer(method, url, headers, sent)
        await asyncio.sleep(0)
        return Response(status, json.dumps(answer).encode())


@dataclass(frozen=True)
class Configuration:
    host: str = ""


@dataclass(frozen=True)
class Response:
    status: int
    data: bytes

    async def read(self) -> bytes:
        return self.data


def _check(live: Object | None, wanted: Mapping[str, Any]) -> None:
    """Refuse a write that names another uid or version than the live object's."""
    for name in ("uid", "resourceVersion"):
        seen = None if live is None else live["metadata"][name]
        if name in wanted and wanted[name] != seen:
            raise RefusalError(409, "Conflict", f"{name} is {seen}, not {wanted[name]}")


def _wishes(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name not in ("metadata", "status")}


def _merged(live: Any, patch: Any) -> Any:
    """RFC 7386: maps are merged, None removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(live) if isinstance(live, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path


def _value(obj: Any, path: Path) -> Any:
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj


def _drop(obj: Object, path: Path) -> None:
    *parents, last = path
    inner = _value(obj, tuple(parents))
    if isinstance(inner, dict):
        inner.pop(last, None)
