"""Compose files, units, supervisor files, defaults files and command lines, told apart and read."""

from typing import Any

import pytest
from tests.unit.convert.manifests import of_kind, said

from taskfleet.api import Object
from taskfleet.convert.command import convert_texts
from taskfleet.convert.conversion import Conversion
from taskfleet.convert.notes import Verdict
from taskfleet.convert.reading import Text


def read(text: str, name: str = "input", **more: str) -> Conversion:
    """The conversion of a text; `more` are other files by name."""
    return convert_texts([Text(name, text), *(Text(other, one) for other, one in more.items())])


def pool(conversion: Conversion) -> Any:
    """The spec of the only WorkerPool."""
    (found,) = of_kind(conversion, "WorkerPool")
    return found["spec"]


def compose(*lines: str) -> str:
    head = [
        "services:",
        "  worker:",
        "    image: registry.example/shop:1",
        "    command: celery -A shop worker",
    ]
    return "\n".join([*head, *(f"    {line}" for line in lines)])


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        pytest.param("deploy: {replicas: 3}", {"replicas": 3}, id="replicas"),
        pytest.param("scale: 2", {"replicas": 2}, id="scale"),
        pytest.param("stop_grace_period: 1m30s", {"terminationGracePeriod": "1m30s"}, id="grace"),
        pytest.param("mem_limit: 512m", {"resources": {"limits": {"memory": "512Mi"}}}, id="memory"),
        pytest.param("cpus: 0.5", {"resources": {"limits": {"cpu": "0.5"}}}, id="cpu"),
        pytest.param("environment: {A: true}", {"env": [{"name": "A", "value": "true"}]}, id="variables"),
        pytest.param("entrypoint: [opentelemetry-instrument]", {"app": "shop"}, id="entrypoint"),
        pytest.param(
            "env_file: [{path: a.env}]", {"envFrom": [{"secretRef": {"name": "compose-a-env"}}]}, id="files"
        ),
    ],
)
def test_service_becomes_a_pool(line: str, fields: Object) -> None:
    found = pool(read(compose(line)))
    assert {name: found.get(name) for name in fields} == fields


def test_variables_of_the_compose_file_are_filled_in_or_read_from_a_secret() -> None:
    text = compose("environment:", "  A: ${A:-x}", "  B: ${B}", "  C: http://${D}/")
    env = {one["name"]: one.get("value") or one["valueFrom"] for one in pool(read(text, A="B=1"))["env"]}
    assert env == {
        "D": {"secretKeyRef": {"name": "compose-env", "key": "D"}},
        "A": "x",
        "B": "1",
        "C": "http://$(D)/",
    }


def test_volumes_of_compose_are_claims_and_folders_are_lost() -> None:
    conversion = read(compose("volumes: [data:/data:ro, ./src:/app]"))
    (volume,) = pool(conversion)["template"]["spec"]["volumes"]
    assert volume == {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    assert said(conversion, "volume ./src:/app")[0].startswith("not supported")


def test_services_of_one_build_have_one_image() -> None:
    text = "services:\n" + "".join(
        f"  {name}: {{build: ./back, command: celery -A shop worker}}\n" for name in ("a", "b")
    )
    images = [one["spec"]["image"] for one in of_kind(read(text), "WorkerPool")]
    assert images == ["CHANGE-ME/back", "CHANGE-ME/back"]


def test_unknown_key_of_compose_is_named() -> None:
    conversion = read(compose("gpus: all"))
    assert [note.subject for note in conversion.notes if note.verdict is Verdict.LOST] == ["gpus"]


def test_flower_works_beside() -> None:
    text = compose() + "\n  flower: {image: mher/flower, command: celery flower}\n"
    (line,) = said(read(text), "object")
    assert line == "kept: celery flower: keep it as it is; it works with the pools."


UNIT = "[Unit]\nDescription=x\n[Service]\nExecStart={}\n{}"


def test_unit_becomes_a_pool() -> None:
    more = "Environment=TZ=UTC 'A=b c'\nTimeoutStopSec=5min 20s\nMemoryMax=2G\nCPUQuota=150%\n"
    conversion = read(UNIT.format("/srv/venv/bin/celery -A shop worker -n w1@%%h -Q a", more), "mail.service")
    found = pool(conversion)
    assert found["env"] == [{"name": "TZ", "value": "UTC"}, {"name": "A", "value": "b c"}]
    assert found["terminationGracePeriod"] == "5m20s"
    assert found["resources"] == {"limits": {"memory": "2Gi", "cpu": "1500m"}}
    assert "python" not in found
    assert of_kind(conversion, "WorkerPool")[0]["metadata"]["name"] == "mail"


def test_environment_file_fills_the_command_and_becomes_a_secret() -> None:
    unit = UNIT.format("/usr/bin/celery -A $APP worker -c ${SLOTS}", "EnvironmentFile=-/etc/shop.env\n")
    conversion = convert_texts([Text("mail.service", unit), Text("shop.env", "APP=shop\nSLOTS=6\nTZ=UTC\n")])
    found = pool(conversion)
    assert (found["app"], found["concurrency"]) == ("shop", 6)
    assert found["envFrom"] == [{"secretRef": {"name": "mail-env"}}]
    assert "--from-env-file=/etc/shop.env" in said(conversion, "file /etc/shop.env")[0]


def test_template_unit_asks_how_many() -> None:
    conversion = read(UNIT.format("/usr/bin/celery -A shop worker", ""), "mail@.service")
    assert said(conversion, "replicas")[0].startswith("action required")


def test_unknown_key_of_a_unit_is_named() -> None:
    conversion = read(UNIT.format("/usr/bin/celery -A shop worker", "LimitNOFILE=9\n"), "mail.service")
    assert [note.subject for note in conversion.notes if note.verdict is Verdict.LOST] == ["LimitNOFILE"]


def test_programs_of_supervisor_become_pools() -> None:
    text = """
[program:mail]
command=/srv/venv/bin/celery -A shop worker -Q mail -n %(program_name)s@%%h
environment=TZ="UTC",A="b,c"
numprocs=4
stopwaitsecs=600 ; ten minutes
[program:web]
command=gunicorn shop
"""
    conversion = read(text)
    found = pool(conversion)
    assert (found["replicas"], found["terminationGracePeriod"]) == (4, "10m")
    assert found["env"] == [{"name": "TZ", "value": "UTC"}, {"name": "A", "value": "b,c"}]
    assert said(conversion, "object") == ["kept: does not start Celery; keep it as it is."]


def test_defaults_file_of_multi_stands_for_itself() -> None:
    text = 'CELERYD_NODES="a b"\nCELERY_APP=shop\nCELERYD_OPTS="-c 2 -Q:a x"\nCELERYD_LOG_LEVEL=DEBUG\n'
    pools = of_kind(read(text, "celeryd"), "WorkerPool")
    assert [(one["spec"]["app"], one["spec"].get("queues"), one["spec"]["logLevel"]) for one in pools] == [
        ("shop", ["x"], "DEBUG"),
        ("shop", None, "DEBUG"),
    ]


def test_command_line_stands_for_itself() -> None:
    assert pool(read("celery multi start 3 -A shop -c 4\n"))["replicas"] == 3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("just words\n", id="words"),
        pytest.param("a: [1, 2\n", id="no-yaml"),
        pytest.param("a: 1\n", id="another-document"),
    ],
)
def test_file_of_no_known_form_is_named(text: str) -> None:
    conversion = read(text, "notes.txt")
    assert [(note.source, note.verdict) for note in conversion.notes] == [("notes.txt", Verdict.LOST)]


def test_list_of_kubectl_get_is_read_item_by_item() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Role, metadata: {name: r}}\n"
    assert [note.source for note in read(text).notes] == ["Role r"]
