"""What becomes of workers, beats and their brokers."""

import pytest
from tests.unit.convert.corpus import CASES, converted
from tests.unit.convert.manifests import deployment, from_secret, of_kind, pool, said

from taskfleet.api import Object
from taskfleet.convert.conversion import convert
from taskfleet.convert.notes import Verdict
from taskfleet.convert.report import report_text

DJANGO = "django_celery_beat.schedulers:DatabaseScheduler"


@pytest.mark.parametrize(
    ("flags", "spec"),
    [
        pytest.param("-P threads -c 8", {"pool": "threads", "concurrency": 8}, id="pool"),
        pytest.param("--autoscale=10,3", {"processAutoscale": {"min": 3, "max": 10}}, id="processes"),
        pytest.param("--autoscale=10", {"processAutoscale": {"min": 1, "max": 10}}, id="processes-from-none"),
        pytest.param(
            "--time-limit=600 --soft-time-limit=540", {"timeLimit": "10m", "softTimeLimit": "9m"}, id="limits"
        ),
        pytest.param("--time-limit=0.5", {"timeLimit": "1s"}, id="a-part-of-a-second"),
        pytest.param("--max-memory-per-child=200000", {"maxMemoryPerChild": "200000Ki"}, id="memory"),
        pytest.param("-Q a,b,a", {"queues": ["a", "b"], "queueOrder": "RoundRobin"}, id="queues-each-once"),
        pytest.param(
            "-E --without-heartbeat", {"extraArgs": ["--task-events", "--without-heartbeat"]}, id="others"
        ),
        pytest.param("-l fatal", {"logLevel": "CRITICAL"}, id="level"),
        pytest.param(
            "-P threads --time-limit=9", {"pool": "threads", "timeLimit": None}, id="ignored-by-threads"
        ),
        pytest.param("-P solo -c 4", {"pool": "solo", "concurrency": None}, id="ignored-by-solo"),
        pytest.param("--autoscale=4,2 -c 3", {"concurrency": None}, id="ignored-beside-autoscale"),
        pytest.param("--time-limit=5 --soft-time-limit=9", {"softTimeLimit": None}, id="soft-above-hard"),
        pytest.param(
            "-B --scheduler django",
            {"beat": {"scheduler": "django_celery_beat.schedulers:DatabaseScheduler"}},
            id="beat",
        ),
    ],
)
def test_flags_become_fields(flags: str, spec: Object) -> None:
    found = pool(deployment(command=f"celery -A shop worker {flags}"))
    assert {name: found.get(name) for name in spec} == spec


def test_flags_that_delete_or_detach_are_left_out_and_named() -> None:
    conversion = convert([deployment(command="celery -A shop worker --purge -D --pidfile=/x -f /log")])
    assert "extraArgs" not in of_kind(conversion, "WorkerPool")[0]["spec"]
    assert [said(conversion, one)[0].partition(":")[0] for one in ("--purge", "-D", "-f")] == ["changed"] * 3


def test_flag_whose_value_nobody_knows_is_for_a_hand() -> None:
    conversion = convert([deployment(command="celery -A shop worker -c $SLOTS")])
    assert said(conversion, "-c") == ["action required: '$SLOTS' is not a number. Set spec.concurrency."]


def test_variables_that_celery_reads_as_flags_become_fields() -> None:
    env = [{"name": "CELERY_WORKER_CONCURRENCY", "value": "3"}, {"name": "MODE", "value": "x"}]
    found = pool(deployment(env=env))
    assert (found["concurrency"], found["env"]) == (3, [{"name": "MODE", "value": "x"}])


def test_such_a_variable_in_a_config_map_has_no_effect_any_more() -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"CELERY_WORKER_PURGE": "1"},
    }
    conversion = convert([config, deployment(envFrom=[{"configMapRef": {"name": "c"}}])])
    assert said(conversion, "envFrom CELERY_WORKER_PURGE")[0].startswith(
        "changed: ConfigMap c contains it; it is read as --purge here, and the pool ignores the variable."
    )


def test_broker_and_results_are_the_secrets_that_are_there() -> None:
    env = [
        from_secret("CELERY_BROKER_URL", "shop", "broker"),
        from_secret("CELERY_RESULT_BACKEND", "shop", "results"),
    ]
    conversion = convert([deployment(env=env)])
    (broker,), (worker,) = of_kind(conversion, "Broker"), of_kind(conversion, "WorkerPool")
    assert broker["spec"] == {"external": {"urlSecretRef": {"name": "shop", "key": "broker"}}}
    assert worker["spec"]["resultBackend"] == {"urlSecretRef": {"name": "shop", "key": "results"}}
    assert "env" not in worker["spec"]


PASSWORD = from_secret("REDIS_PASSWORD", "redis", "redis.password")
LOGIN = {"passwordSecretRef": {"name": "redis", "key": "redis.password"}}
CONFIG: Object = {
    "name": "REDIS_HOST",
    "valueFrom": {"configMapKeyRef": {"name": "addresses", "key": "redis"}},
}


@pytest.mark.parametrize(
    ("url", "more", "external"),
    [
        pytest.param(
            "redis://:$(REDIS_PASSWORD)@$(REDIS_HOST):6379/2",
            [{"name": "REDIS_HOST", "value": "cache"}, PASSWORD],
            {"scheme": "redis", "host": "cache", "port": 6379, "database": 2, **LOGIN},
            id="password-of-a-secret",
        ),
        pytest.param(
            "rediss://:$(REDIS_PASSWORD)@$(REDIS_HOST)",
            [CONFIG, PASSWORD],
            {
                "scheme": "rediss",
                "hostFrom": {"configMapKeyRef": {"name": "addresses", "key": "redis"}},
                **LOGIN,
            },
            id="host-of-a-config-map",
        ),
        pytest.param(
            "pyamqp://$(MQ_USER):$(REDIS_PASSWORD)@mq/sh%2Fop",
            [from_secret("MQ_USER", "redis", "user"), PASSWORD],
            {
                "scheme": "amqp",
                "host": "mq",
                "virtualHost": "sh/op",
                "usernameFrom": {"secretKeyRef": {"name": "redis", "key": "user"}},
                **LOGIN,
            },
            id="rabbitmq",
        ),
        pytest.param("redis://[fd00::1]:1/0", [], {"scheme": "redis", "host": "fd00::1", "port": 1, "database": 0}, id="ipv6"),
        pytest.param(
            "redis://a%40b:hunter2@cache",
            [],
            {
                "scheme": "redis",
                "host": "cache",
                "username": "a@b",
                "passwordSecretRef": {"name": "default-broker", "key": "password"},
            },
            id="password-in-the-text",
        ),
    ],
)  # fmt: skip
def test_url_that_is_put_together_becomes_a_broker_by_parts(
    url: str, more: list[Object], external: Object
) -> None:
    conversion = convert([deployment(env=[*more, {"name": "CELERY_BROKER_URL", "value": url}])])
    (broker,) = of_kind(conversion, "Broker")
    assert broker["spec"] == {"external": external}
    assert "hunter2" not in report_text(conversion.notes) + str(conversion.manifests)
    notes = " ".join(said(conversion, "env CELERY_BROKER_URL"))
    assert ("if key redis.password of Secret redis has it percent-encoded" in notes) == (PASSWORD in more)
    made = "kubectl create secret generic default-broker --from-literal=password=PASSWORD"
    assert (made in notes) == ("hunter2" in url)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        pytest.param(
            "redis://:$(REDIS_PASSWORD)@$(REDIS_HOST)-master:6379/2",
            "redis://:{password}@cache-master:6379/2",
            id="a-part-of-two",
        ),
        pytest.param("rediss://$(REDIS_HOST)/2?ssl_cert_reqs=none", "rediss://cache/2?ssl_cert_reqs=none", id="parameter"),
        pytest.param("sentinel://$(REDIS_HOST);sentinel://b", "sentinel://cache;sentinel://b", id="sentinels"),
        pytest.param("redis://user@$(REDIS_HOST)", "redis://user@cache", id="user-without-a-password"),
        pytest.param("redis://$(REDIS_HOST):$(UNKNOWN)/0", "redis://cache:UNKNOWN/0", id="unknown-variable"),
    ],
)  # fmt: skip
def test_secret_for_a_url_is_made_out_of_what_parts_cannot_say(url: str, text: str) -> None:
    env = [{"name": "REDIS_HOST", "value": "cache"}, PASSWORD, {"name": "CELERY_BROKER_URL", "value": url}]
    conversion = convert([deployment(env=env)])
    password = r"$(kubectl get secret redis -o jsonpath='{.data.redis\.password}' | base64 --decode)"
    told = " ".join(said(conversion, "env CELERY_BROKER_URL"))
    assert f'--from-literal=url="{text.format(password=password)}"' in told
    (broker,) = of_kind(conversion, "Broker")
    assert broker["spec"]["external"] == {"urlSecretRef": {"name": "default-broker", "key": "url"}}


@pytest.mark.parametrize(
    "argument",
    [
        pytest.param(
            {"env": [{"name": "CELERY_BROKER_URL", "value": "redis://:hunter2@cache:6379/0"}]}, id="variable"
        ),
        pytest.param({"args": ["-b", "amqp://me:hunter2@mq:5672//"]}, id="flag"),
        pytest.param(
            {"env": [{"name": "CELERY_RESULT_BACKEND", "value": "redis://:hunter2@cache/1"}]}, id="results"
        ),
    ],
)
def test_report_and_manifests_repeat_no_password_of_a_broker(argument: Object) -> None:
    conversion = convert([deployment(**argument)])
    assert "hunter2" not in report_text(conversion.notes)
    assert "hunter2" not in str(conversion.manifests)


@pytest.mark.parametrize(
    ("variables", "external"),
    [
        pytest.param(
            {"REDIS_HOST": "r", "REDIS_SSL": "true"},
            {"scheme": "rediss", "host": "r", "port": 6379, "database": 0},
            id="redis-with-tls",
        ),
        pytest.param(
            {"MQ_RABBITMQ_HOST": "r", "REDIS_HOST": "x"},
            {"scheme": "amqp", "host": "r", "port": 5672},
            id="rabbitmq-before-redis",
        ),
        pytest.param(
            {"BROKER_HOST": "r", "BROKER_PORT": "5672"},
            {"scheme": "amqp", "host": "r", "port": 5672},
            id="by-its-port",
        ),
        pytest.param(
            {"CACHE_URL": "redis://x/1", "REDIS_URL": "redis://r/0"},
            {"scheme": "redis", "host": "r", "database": 0},
            id="no-cache",
        ),
        pytest.param(
            {"REDIS_CACHE_HOST": "x", "REDIS_HOST": "r", "REDIS_DB": "3"},
            {"scheme": "redis", "host": "r", "port": 6379, "database": 3},
            id="database",
        ),
    ],
)
def test_broker_is_found_by_its_parts(variables: dict[str, str], external: Object) -> None:
    conversion = convert(
        [deployment(env=[{"name": name, "value": value} for name, value in variables.items()])]
    )
    (broker,) = of_kind(conversion, "Broker")
    assert broker["spec"] == {"external": external}


@pytest.mark.parametrize(
    ("name", "kept"),
    [("C_FORCE_ROOT", False), ("BROKER_URL", False), ("CELERY_WORKER_SEND_TASK_EVENTS", True)],
)
def test_variable_that_the_api_server_refuses_is_omitted_with_a_note(name: str, kept: bool) -> None:
    value = "redis://r" if "URL" in name else "true"
    conversion = convert([deployment(env=[{"name": name, "value": value}])])
    (worker,) = of_kind(conversion, "WorkerPool")
    assert ("env" in worker["spec"]) is kept
    assert (f"env {name}: " in report_text(conversion.notes)) is not kept


RESULTS_PASSWORD: Object = {"passwordSecretRef": {"name": "celery-results", "key": "password"}}


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        pytest.param("redis://:hunter2@cache:6379/1", {"broker": {"database": 1}}, id="beside-the-queues"),
        pytest.param("redis://:hunter2@cache:6379", {"broker": {"database": 0}}, id="with-the-queues"),
        pytest.param(
            "redis://:hunter2@other:6379/1",
            {"scheme": "redis", "host": "other", "port": 6379, "database": 1, **RESULTS_PASSWORD},
            id="another",
        ),
        pytest.param(
            "redis://:hunter2@cache:6379/16",
            {"scheme": "redis", "host": "cache", "port": 6379, "database": 16, **RESULTS_PASSWORD},
            id="too-high",
        ),
    ],
)
def test_results_in_the_brokers_redis_need_no_secret(url: str, backend: Object) -> None:
    env = [
        {"name": "CELERY_BROKER_URL", "value": "redis://:hunter2@cache:6379/0"},
        {"name": "CELERY_RESULT_BACKEND", "value": url},
    ]
    (worker,) = of_kind(convert([deployment(env=env)]), "WorkerPool")
    assert worker["spec"]["resultBackend"] == backend


POSTGRES = [
    from_secret("PG_PASSWORD", "postgres", "password"),
    {"name": "PG_HOST", "valueFrom": {"configMapKeyRef": {"name": "addresses", "key": "postgres"}}},
]
_FROM_KEYS: Object = {
    "hostFrom": {"configMapKeyRef": {"name": "addresses", "key": "postgres"}},
    "passwordSecretRef": {"name": "postgres", "key": "password"},
}


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        pytest.param(
            "db+postgresql://shop:$(PG_PASSWORD)@$(PG_HOST)/results",
            {"scheme": "db+postgresql", "username": "shop", "database": "results", **_FROM_KEYS},
            id="database",
        ),
        pytest.param(
            "rediss://:$(PG_PASSWORD)@$(PG_HOST):6380",
            {"scheme": "rediss", "port": 6380, **_FROM_KEYS},
            id="redis",
        ),
        pytest.param("mongodb://db/results", {"scheme": "mongodb", "host": "db", "database": "results"}, id="open"),
        *(
            pytest.param(url, {"urlSecretRef": {"name": "celery-results", "key": "url"}}, id=name)
            for name, url in {
                "parameter": "db+postgresql://shop:$(PG_PASSWORD)@$(PG_HOST)/results?sslmode=require",
                "no-name": "db+postgresql://shop:$(PG_PASSWORD)@$(PG_HOST)",
                "odd-name": "db+postgresql://shop:$(PG_PASSWORD)@$(PG_HOST)/a%20b",
                "other-scheme": "couchdb://shop:$(PG_PASSWORD)@$(PG_HOST)/results",
                "no-server": "rpc://",
            }.items()
        ),
    ],
)  # fmt: skip
def test_results_on_another_server_become_a_result_backend_by_parts(url: str, backend: Object) -> None:
    conversion = convert([deployment(env=[*POSTGRES, {"name": "CELERY_RESULT_BACKEND", "value": url}])])
    (worker,) = of_kind(conversion, "WorkerPool")
    assert worker["spec"]["resultBackend"] == backend
    notes = " ".join(said(conversion, "result backend"))
    assert ("if key password of Secret postgres has it percent-encoded" in notes) == ("hostFrom" in backend)
    assert ("kubectl create secret" in notes) == ("urlSecretRef" in backend)


def test_workers_of_two_brokers_name_them() -> None:
    one = deployment("a", env=[from_secret("CELERY_BROKER_URL", "first", "url")])
    two = deployment("b", env=[from_secret("CELERY_BROKER_URL", "second", "url")])
    pools = of_kind(convert([one, two, {**one, "metadata": {"name": "c"}}]), "WorkerPool")
    assert [one["spec"].get("brokerRef") for one in pools] == [None, {"name": "broker-2"}, None]


def test_worker_whose_broker_nothing_tells_shares_the_known_one() -> None:
    unknown, known = deployment("a"), deployment("b", env=[from_secret("CELERY_BROKER_URL", "shop", "url")])
    conversion = convert([unknown, known])
    assert len(of_kind(conversion, "Broker")) == 1
    assert said(conversion, "broker")[0].startswith("action required: the input has no broker URL")


def test_objects_without_a_namespace_belong_to_those_with_one() -> None:
    hpa = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "h", "namespace": "mail"}}
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "celery"}, "maxReplicas": 3}
    (found,) = of_kind(convert([deployment(), {**hpa, "spec": spec}]), "WorkerPool")
    assert (found["metadata"]["namespace"], found["spec"]["autoscale"]["maxReplicas"]) == ("mail", 3)


def test_beat_goes_to_the_first_pool_of_its_app() -> None:
    beat = deployment("beat", "celery -A shop beat -S redbeat.RedBeatScheduler --max-interval 5")
    conversion = convert([beat, deployment("other", "celery -A blog worker"), deployment("w")])
    assert [one["spec"].get("beat") for one in of_kind(conversion, "WorkerPool")] == [
        None,
        {"scheduler": "redbeat.RedBeatScheduler"},
    ]
    assert said(conversion, "beat --max-interval")[0].startswith("not supported")


def test_beat_that_differs_from_the_workers_is_told() -> None:
    limits = {"limits": {"memory": "128Mi"}}
    beat = deployment("beat", "celery -A shop beat", image="registry.example/beat:1", resources=limits)
    conversion = convert([deployment(), beat])
    lost = {note.subject for note in conversion.notes if note.verdict is Verdict.LOST}
    assert lost == {"beat image registry.example/beat:1"}
    assert of_kind(conversion, "WorkerPool")[0]["spec"]["beat"] == {"resources": limits}


def test_beat_without_workers_gets_a_pool_at_zero() -> None:
    found = pool(deployment("beat", "celery -A shop beat"))
    assert (found["replicas"], found["beat"], found["app"]) == (0, {}, "shop")


def test_second_beat_of_an_app_does_not_take_the_place_of_the_first() -> None:
    first, second = (
        deployment("b1", "celery -A shop beat -S one:S"),
        deployment("b2", "celery -A shop beat -S two:S"),
    )
    conversion = convert([deployment(), first, second])
    assert of_kind(conversion, "WorkerPool")[0]["spec"]["beat"] == {"scheduler": "one:S"}
    assert said(conversion, "beat")[0].startswith("not supported: WorkerPool celery already has a beat")


def test_name_of_a_pool_avoids_the_deployment_that_still_runs() -> None:
    conversion = convert([deployment("mail"), deployment("mail-worker", "uvicorn web:app")])
    assert [one["metadata"]["name"] for one in of_kind(conversion, "WorkerPool")] == ["mail-pool"]


def test_queues_whose_names_are_alike_have_an_object_each() -> None:
    queues = of_kind(
        convert([deployment(command="celery -A shop worker -Q Mail,mail,high_prio")]), "TaskQueue"
    )
    assert {one["metadata"]["name"]: one["spec"].get("queueName") for one in queues} == {
        "mail": "Mail",
        "mail-2": "mail",
        "high-prio": "high_prio",
    }


def test_cron_job_that_calls_a_task_becomes_a_schedule() -> None:
    call = ["sh", "-c", "celery -A shop call shop.report --args='[1]' --queue mail"]
    job = {"template": {"spec": {"containers": [{"name": "c", "command": call}]}}}
    spec = {"schedule": "0 4 * * *", "timeZone": "Europe/Berlin", "startingDeadlineSeconds": 60}
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}}
    conversion = convert([{**cron, "spec": {**spec, "jobTemplate": {"spec": job}}}])
    (schedule,) = of_kind(conversion, "PeriodicSchedule")
    assert schedule["spec"] == {
        "task": "shop.report",
        "args": [1],
        "queue": "mail",
        "schedule": "0 4 * * *",
        "startingDeadline": "1m",
        "timeZone": "Europe/Berlin",
    }


def test_image_that_starts_celery_by_itself_is_named() -> None:
    conversion = convert([deployment("celery-worker", "")])
    assert conversion.manifests == ()
    assert said(conversion, "command")[0].startswith(
        "not supported: its command does not show what it starts"
    )


def test_script_that_a_config_map_mounts_is_read() -> None:
    data = {"run.sh": '#!/bin/sh\n. /env.sh\nexec celery -A shop worker -Q a "$@"\n'}
    scripts = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "scripts"}, "data": data}
    worker = deployment(command="/opt/run.sh -c 2", volumeMounts=[{"name": "s", "mountPath": "/opt"}])
    worker["spec"]["template"]["spec"]["volumes"] = [{"name": "s", "configMap": {"name": "scripts"}}]
    found = pool(scripts, worker)
    assert (found["queues"], found["concurrency"]) == (["a"], 2)


def test_stateful_set_loses_what_a_pool_has_not() -> None:
    claims = [{"metadata": {"name": "data"}, "spec": {}}]
    stateful = {
        **deployment(spec={"serviceName": "w", "volumeClaimTemplates": claims}),
        "kind": "StatefulSet",
    }
    lost = {note.subject for note in convert([stateful]).notes if note.verdict is Verdict.LOST}
    assert lost == {"serviceName", "volumeClaimTemplates"}


def test_object_of_another_kind_with_a_worker_is_converted_and_its_settings_are_named() -> None:
    rollout = {**deployment(spec={"replicas": 2, "canary": {"steps": []}}), "kind": "Rollout"}
    conversion = convert([rollout])
    assert of_kind(conversion, "WorkerPool")[0]["spec"]["replicas"] == 2
    assert said(conversion, "canary") == [
        "not supported: no field is known for it: check whether it still matters."
    ]


def test_root_stays_root_and_is_told() -> None:
    found = pool(deployment(env=[{"name": "C_FORCE_ROOT", "value": "1"}]))
    assert found["template"]["spec"]["securityContext"] == {"runAsNonRoot": False}


@pytest.mark.parametrize("case", CASES)
def test_nothing_of_an_input_is_without_a_line(case: str) -> None:
    conversion = converted(case)
    assert {note.source for note in conversion.notes if not note.text or not note.subject} == set()
    assert all(
        pool["metadata"]["name"] in report_text(conversion.notes)
        for pool in of_kind(conversion, "WorkerPool")
    )
