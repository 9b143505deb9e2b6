import json
from typing import Any

import pytest
from tests.unit.resources.objects import by_name, external_broker, managed_broker, worker, worker_pool

from taskfleet.api import Broker

FLAGS_OF_EVERY_POOL = [
    "--hostname=mail@$(POD_NAME)",
    "--without-gossip",
    "--without-mingle",
]


def settings(broker: Broker | None = None, **spec: Any) -> Any:
    environment = by_name(worker(worker_pool(**spec), broker)["env"])
    return json.loads(environment["TASKFLEET_SETTINGS"]["value"])


def test_command_line_of_the_smallest_pool() -> None:
    container = worker(worker_pool())
    assert container["command"] == ["python", "/taskfleet/run.py", "worker"]
    assert container["args"] == [
        "-A", "proj", *FLAGS_OF_EVERY_POOL,
    ], "the app's own where a field is left out"  # fmt: skip


def test_a_launcher_stands_before_the_interpreter() -> None:
    launcher = ["sh", "-c", '. /env.sh; exec "$0" "$@"']
    container = worker(worker_pool(launcher=launcher, python="/venv/bin/python"))
    assert container["command"] == [*launcher, "/venv/bin/python", "/taskfleet/run.py", "worker"]


def test_functions_of_the_project_are_named_to_the_runtime() -> None:
    assert settings(setup=["shop.setup:prepare"])["setup"] == ["shop.setup:prepare"]


@pytest.mark.parametrize(
    ("spec", "flag"),
    [
        pytest.param({"pool": "threads"}, "--pool=threads", id="pool"),
        pytest.param({"concurrency": 7}, "--concurrency=7", id="concurrency"),
        pytest.param({"processAutoscale": {"min": 3, "max": 10}}, "--autoscale=10,3", id="process-autoscale"),
        pytest.param({"queues": ["high", "low"]}, "--queues=high,low", id="queues-in-their-order"),
        pytest.param({"excludeQueues": ["slow", "bulk"]}, "--exclude-queues=slow,bulk", id="exclude-queues"),
        pytest.param({"queues": ["a$(B)"]}, "--queues=a$$(B)", id="queue-that-looks-like-a-variable"),
        pytest.param({"timeLimit": "10m"}, "--time-limit=600", id="time-limit"),
        pytest.param({"softTimeLimit": "1m30s"}, "--soft-time-limit=90", id="soft-time-limit"),
        pytest.param({"maxTasksPerChild": 5}, "--max-tasks-per-child=5", id="max-tasks"),
        pytest.param(
            {"maxMemoryPerChild": "400Mi"}, "--max-memory-per-child=409600", id="max-memory-in-kibibytes"
        ),
        pytest.param({"maxMemoryPerChild": "1M"}, "--max-memory-per-child=977", id="max-memory-rounded-up"),
        pytest.param({"logLevel": "DEBUG"}, "--loglevel=DEBUG", id="log-level"),
    ],
)
def test_field_becomes_a_flag(spec: dict[str, Any], flag: str) -> None:
    assert flag in worker(worker_pool(**spec))["args"]


def test_process_autoscale_takes_the_place_of_concurrency() -> None:
    arguments = worker(worker_pool(processAutoscale={"min": 3, "max": 10}))["args"]
    assert not [argument for argument in arguments if argument.startswith("--concurrency")]


def test_extra_arguments_come_last_and_unchanged() -> None:
    arguments = worker(worker_pool(timeLimit="10m", extraArgs=["--hostname=x", "-E"]))["args"]
    assert arguments[-2:] == ["--hostname=x", "-E"]


def test_flags_that_depend_on_celerys_version_are_left_to_the_pod() -> None:
    arguments = worker(worker_pool(prefetchMultiplier=3))["args"]
    assert not [argument for argument in arguments if "prefetch" in argument]


def test_settings_of_the_runtime() -> None:
    seen = settings(
        pool="gevent",
        concurrency=100,
        queueOrder="RoundRobin",
        acknowledge="App",
        prefetchMultiplier=4,
        timeLimit="10m",
    )
    assert seen == {
        "v": 1,
        "namespace": "shop",
        "poolUid": "22222222-2222-2222-2222-222222222222",
        "clusterId": "11111111-1111-1111-1111-111111111111",
        "poolType": "gevent",
        "capacity": 100,
        "queueOrder": "RoundRobin",
        "acknowledge": "App",
        "prefetchMultiplier": 4,
        "visibilityTimeout": 3600,
        "globalKeyPrefix": None,
        "prioritySteps": [0, 3, 6, 9],
        "separator": "\x06\x16",
        "gracePeriod": 645,
    }


def test_settings_leave_to_the_app_what_the_pool_does() -> None:
    seen = settings()
    assert (seen["poolType"], seen["capacity"]) == (None, None)


def test_settings_have_the_most_processes_as_capacity() -> None:
    assert settings(processAutoscale={"min": 3, "max": 10})["capacity"] == 10


def test_settings_have_what_all_users_of_the_broker_share() -> None:
    broker = external_broker(
        visibilityTimeout="2h", globalKeyPrefix="shop:", prioritySteps=[0, 1, 2], separator=":"
    )
    seen = settings(broker)
    shared = ("visibilityTimeout", "globalKeyPrefix", "prioritySteps", "separator")
    assert [seen[key] for key in shared] == [7200, "shop:", [0, 1, 2], ":"]


def test_settings_survive_the_kubelets_expansion_of_variables() -> None:
    environment = by_name(worker(worker_pool(), external_broker(globalKeyPrefix="a$(POD_NAME)"))["env"])
    assert '"a$$(POD_NAME)"' in environment["TASKFLEET_SETTINGS"]["value"]


@pytest.mark.parametrize(
    "variable", ["CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"]
)
@pytest.mark.parametrize(
    ("broker", "reference"),
    [
        pytest.param(managed_broker(), {"name": "default-broker-connection", "key": "url"}, id="managed"),
        pytest.param(external_broker(), {"name": "company-redis", "key": "broker-url"}, id="external"),
    ],
)
def test_url_comes_from_the_brokers_secret(variable: str, broker: Broker, reference: Any) -> None:
    assert by_name(worker(worker_pool(), broker)["env"])[variable]["valueFrom"] == {"secretKeyRef": reference}


def test_result_backend_is_the_apps_own_unless_asked_for() -> None:
    assert "CELERY_RESULT_BACKEND" not in by_name(worker(worker_pool())["env"])


def test_result_backend_from_a_secret() -> None:
    pool = worker_pool(resultBackend={"urlSecretRef": {"name": "results", "key": "dsn"}})
    reference = {"secretKeyRef": {"name": "results", "key": "dsn"}}
    assert by_name(worker(pool)["env"])["CELERY_RESULT_BACKEND"]["valueFrom"] == reference


def test_result_backend_in_another_database_has_its_password_from_the_secret() -> None:
    environment = worker(worker_pool(resultBackend={"broker": {"database": 1}}))["env"]
    names = [variable["name"] for variable in environment]
    assert by_name(environment)["TASKFLEET_REDIS_PASSWORD"]["valueFrom"] == {
        "secretKeyRef": {"name": "default-broker-connection", "key": "password"}
    }
    url = by_name(environment)["CELERY_RESULT_BACKEND"]["value"]
    assert url == "redis://:$(TASKFLEET_REDIS_PASSWORD)@default-broker.shop.svc:6379/1"
    # The kubelet expands only variables that come before.
    assert names.index("TASKFLEET_REDIS_PASSWORD") < names.index("CELERY_RESULT_BACKEND")


def test_result_backend_in_an_external_broker_is_made_by_the_runtime_because_its_url_is_in_no_object() -> (
    None
):
    environment = by_name(
        worker(worker_pool(resultBackend={"broker": {"database": 1}}), external_broker())["env"]
    )
    assert "CELERY_RESULT_BACKEND" not in environment
    assert json.loads(environment["TASKFLEET_SETTINGS"]["value"])["resultDatabase"] == 1


def test_users_variables_follow_ours_and_win() -> None:
    container = worker(
        worker_pool(
            env=[{"name": "CELERY_BROKER_URL", "value": "redis://mine"}, {"name": "EMPTY", "value": ""}],
            envFrom=[{"prefix": "X_", "secretRef": {"name": "keys"}}],
        )
    )
    assert container["env"][-2:] == [
        {"name": "CELERY_BROKER_URL", "value": "redis://mine"},
        {"name": "EMPTY", "value": ""},
    ]
    assert container["envFrom"] == [{"prefix": "X_", "secretRef": {"name": "keys"}}]


@pytest.mark.parametrize("name", ["POD_NAME", "TASKFLEET_SETTINGS"])
def test_variables_without_which_nothing_works_cannot_be_replaced(name: str) -> None:
    variables = [{"name": name, "value": "mine"}]
    by_field = worker_pool(env=variables)
    by_template = worker_pool(template={"spec": {"containers": [{"name": "worker", "env": variables}]}})
    ours = by_name(worker(worker_pool())["env"])[name]
    assert by_name(worker(by_field)["env"])[name] == ours
    assert by_name(worker(by_template)["env"])[name] == ours


def test_resources_only_where_given() -> None:
    assert "resources" not in worker(worker_pool())
    assert worker(worker_pool(resources={"limits": {"memory": "1Gi"}}))["resources"] == {
        "limits": {"memory": "1Gi"}
    }
