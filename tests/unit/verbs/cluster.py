"""A pool and an operator that leads, behind an API server in memory, for the verbs that ask the operator."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from taskfleet.api import Key, Object
from taskfleet.api.annotations import READER, READER_HEADER, reader_digest
from tests.api_server import ApiServer
from tests.unit.objects import NAMESPACE, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
LEASE = Key("Lease", "taskfleet-system", "taskfleet-operator")
Operator = Callable[[str, Mapping[str, str], str], tuple[int, Object]]


def willing(path: str, answer: Object) -> Operator:
    """Gives the answer at a path to whoever shows the secret."""

    def operator(url: str, headers: Mapping[str, str], digest: str) -> tuple[int, Object]:
        parts = urlsplit(url)
        assert parts.path == f"/api/v1/namespaces/taskfleet-system/pods/operator-1/proxy/{path}"
        assert dict(parse_qsl(parts.query)) == {"namespace": NAMESPACE, "pool": "mail"}
        assert digest == reader_digest(headers[READER_HEADER])
        return 200, answer

    return operator


class Cluster(ApiServer):
    """The operator's port sees the pool's annotation."""

    def __init__(self, operator: Operator, *, status: Object, holder: str = "operator-1_1a2b") -> None:
        super().__init__()
        self._operator = operator
        self.put(pool(status=status))
        for kind, name, spec in (
            ("Lease", LEASE.name, {"holderIdentity": holder}),
            ("Pod", "operator-1", {}),
        ):
            metadata = {"name": name, "namespace": LEASE.namespace}
            self.put({"kind": kind, "metadata": metadata, "spec": spec})

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Object | None
    ) -> tuple[int, Object]:
        status, answer = super().answer(method, url, headers, body)
        if "/proxy/" not in url or status != 200:
            return status, answer
        return self._operator(url, headers, self.annotation(READER) or "")

    def annotation(self, name: str) -> str | None:
        annotations: Mapping[str, str] = self.objects[MAIL]["metadata"].get("annotations") or {}
        return annotations.get(name)
