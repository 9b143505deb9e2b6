import pytest

from tests.envtest.api_calls import ApiCall, parse

POOLS = "/apis/taskfleet.dev/v1alpha1"


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        pytest.param("GET", f"{POOLS}/workerpools", {}, ApiCall("list", "workerpools"), id="list-everywhere"),
        pytest.param(
            "GET", f"{POOLS}/workerpools", {"watch": "true"}, ApiCall("watch", "workerpools"), id="watch"
        ),
        pytest.param(
            "GET",
            f"{POOLS}/namespaces/a/workerpools/b",
            {"watch": "false"},
            ApiCall("get", "workerpools", "a", "b"),
            id="get",
        ),
        pytest.param(
            "PATCH",
            f"{POOLS}/namespaces/a/workerpools/b/status",
            {},
            ApiCall("patch", "workerpools/status", "a", "b"),
            id="status",
        ),
        pytest.param(
            "POST", "/api/v1/namespaces/a/events", {}, ApiCall("create", "events", "a"), id="core-group"
        ),
        pytest.param(
            "PATCH",
            "/apis/apps/v1/namespaces/a/deployments/b",
            {"dryRun": "All"},
            ApiCall("patch", "deployments", "a", "b", dry_run=True),
            id="dry-run",
        ),
        pytest.param(
            "GET", "/api/v1/namespaces/a", {}, ApiCall("get", "namespaces", name="a"), id="namespace"
        ),
        pytest.param("GET", "/version", {}, ApiCall("list", ""), id="not-a-resource"),
    ],
)
def test_parse(method: str, path: str, query: dict[str, str], expected: ApiCall) -> None:
    assert parse(method, path, query) == expected


def test_dry_run_is_no_write() -> None:
    assert parse("PATCH", "/api/v1/namespaces/a/pods/b", {}).is_write
    assert not parse("PATCH", "/api/v1/namespaces/a/pods/b", {"dryRun": "All"}).is_write
