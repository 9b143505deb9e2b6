"""A pool and an operator that leads, behind an API server in memory, for the commands that query the operator."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from taskfleet.api import Key, Object
from taskfleet.api.questions import TOKEN_HEADER
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
LEASE = Key("Lease", "taskfleet-system", "taskfleet-operator")
Operator = Callable[[str, Mapping[str, str]], tuple[int, Object]]
_SYSTEM = "/api/v1/namespaces/taskfleet-system"


def willing(path: str, answer: Object, *, token: str = "of-the-user") -> Operator:
    """Gives the answer at a path to whoever shows the token."""

    def operator(url: str, headers: Mapping[str, str]) -> tuple[int, Object]:
        parts = urlsplit(url)
        assert parts.path == f"{_SYSTEM}/services/taskfleet-operator:http/proxy/{path}"
        assert dict(parse_qsl(parts.query)) == {"namespace": NAMESPACE, "pool": "mail"}
        assert headers[TOKEN_HEADER] == token
        return 200, answer

    return operator


class Cluster(ApiServer):
    """`token`: the one of the kubeconfig; None: its user comes with a certificate."""

    def __init__(self, operator: Operator, *, status: Object, token: str | None = "of-the-user") -> None:
        super().__init__(bearer=token)
        self._operator = operator
        self.put(pool(status=status))
        self.refused: Object | None = None

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Object | None
    ) -> tuple[int, Object]:
        if url.endswith("/token"):
            assert (method, url) == ("POST", f"{_SYSTEM}/serviceaccounts/taskfleet-operator-client/token")
            assert (body or {})["spec"] == {"audiences": ["taskfleet.dev"], "expirationSeconds": 600}
            return 201, {"status": {"token": "of-the-account"}}
        if "/proxy/" in url:
            return (403, self.refused) if self.refused is not None else self._operator(url, headers)
        return super().answer(method, url, headers, body)

    def annotation(self, name: str) -> str | None:
        annotations: Mapping[str, str] = self.objects[MAIL]["metadata"].get("annotations") or {}
        return annotations.get(name)
