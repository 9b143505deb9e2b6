"""A managed Redis and the messages that it was given."""

from collections.abc import Mapping

from tests.e2e.fleet import Fleet, redis_pod
from tests.e2e.operator import Operator
from tests.envtest.brokers import broker, decoded, external_broker, secret
from tests.tools.waiting import wait_for
from tests.unit.objects import of_type


def test_queued_tasks_survive_the_redis_pod(fleet: Fleet) -> None:
    fleet.pool("shop", replicas=1)
    fleet.wait_until_ready("shop")
    fleet.send("later", count=20, queue="later")
    redis = redis_pod(fleet)

    fleet.kubectl("delete", "pod", "default-broker-0", "--grace-period=0", "--force")
    wait_for(lambda: redis_pod(fleet) not in ("", redis), 60, what="a new Redis pod")
    fleet.pool("late", queues=["later"])
    fleet.wait_until_ready("late", "shop")

    marks = fleet.wait_until_done("later", 20)
    assert set(marks.done.values()) == {1}
    fleet.send("again", count=5)
    fleet.wait_until_done("again", 5)


def test_another_redis_image_keeps_tasks_and_password_and_disturbs_no_worker(
    fleet: Fleet, images: Mapping[str, str]
) -> None:
    fleet.pool("shop", replicas=1)
    fleet.wait_until_ready("shop")
    fleet.hold("busy", count=1)
    fleet.wait_until_started("busy", 1)
    fleet.send("queued", count=20, queue="later")
    workers, password, redis = fleet.running("shop"), _password(fleet), redis_pod(fleet)

    image = images["redis-next"]
    fleet.kubectl(
        "patch", "broker/default", "--type=merge", f'--patch={{"spec":{{"redis":{{"image":"{image}"}}}}}}'
    )
    wait_for(lambda: redis_pod(fleet) not in ("", redis), 90, what="a new Redis pod")
    assert _image(fleet) == image
    fleet.pool("late", queues=["later"])
    fleet.wait_until_ready("late", "shop")

    assert set(fleet.wait_until_done("queued", 20).started.values()) == {1}
    fleet.release("busy")
    assert set(fleet.wait_until_done("busy", 1).started.values()) == {1}
    assert fleet.running("shop") == workers
    assert _password(fleet) == password


def test_a_default_image_that_cannot_be_pulled_reaches_one_redis_and_the_former_one_brings_it_back(
    fleet: Fleet, operator: Operator
) -> None:
    names = ("one", "two", "three")
    for name in names:
        fleet.kubectl.apply(broker(fleet.namespace, name))
    every = [f"broker/{name}" for name in names]
    fleet.kubectl("wait", "--for=condition=Ready", *every, "--timeout=120s")
    before = {name: redis_pod(fleet, name) for name in names}

    operator.restore(images={"redis": "localhost/no-such-redis:0"})
    down = wait_for(
        lambda: [name for name in names if _verdict(fleet, name, "Ready")[0] == "ImagePullFailed"],
        120,
        what="a Redis that cannot come up",
        poll=1,
    )
    others = sorted(set(names) - set(down))
    assert len(others) == 2
    wait_for(
        lambda: all(_keeps_its_image(fleet, name) for name in others), 30, what="the others to wait", poll=1
    )
    assert {_verdict(fleet, name, "Ready")[0] for name in others} == {"Reachable"}

    operator.restore()
    fleet.kubectl("wait", "--for=condition=Ready", *every, "--timeout=120s")
    assert {name: redis_pod(fleet, name) for name in others} == {name: before[name] for name in others}
    assert redis_pod(fleet, down[0]) != before[down[0]]


def _keeps_its_image(fleet: Fleet, name: str) -> bool:
    return "until another Broker is ready with" in _verdict(fleet, name, "Reconciling")[1]


def _verdict(fleet: Fleet, name: str, kind: str) -> tuple[str, str]:
    """Reason and message of a Broker's condition."""
    live = fleet.kube.get("Broker", name, fleet.namespace)
    assert live is not None
    found = of_type(live["status"], kind)
    return found["reason"], found["message"]


def test_a_broker_that_is_made_again_finds_its_messages_and_its_password(fleet: Fleet) -> None:
    pool = fleet.pool("shop", replicas=0)
    fleet.send("kept", count=5)
    password = _password(fleet)
    fleet.kubectl("delete", "workerpool", "shop", "--wait")
    fleet.kubectl("delete", "broker", "default", "--wait")
    wait_for(lambda: not redis_pod(fleet), 60, what="the end of the Redis pod")

    fleet.kubectl.apply(
        {"apiVersion": pool["apiVersion"], "kind": "Broker", "metadata": {"name": "default"}, "spec": {}}
    )
    fleet.pool("shop", replicas=1)
    fleet.wait_until_ready("shop")
    fleet.wait_until_done("kept", 5)
    assert _password(fleet) == password


def test_a_new_password_in_the_secret_rolls_busy_workers_and_every_task_runs_once(fleet: Fleet) -> None:
    """The managed Redis plays somebody else's: pods enter it as an ACL user."""
    fleet.kubectl.apply(broker(fleet.namespace))
    fleet.kubectl("wait", "--for=condition=Ready", "broker/default", "--timeout=120s")
    _change_user(fleet, "reset", "on", ">one", "~*", "&*", "+@all")
    _put_password(fleet, "one")
    fleet.kubectl.apply(external_broker(fleet.namespace, "outside"))
    fleet.pool("shop", brokerRef={"name": "outside"}, replicas=2, concurrency=2)
    fleet.wait_until_ready("shop")
    fleet.send("rolled", count=80, seconds=1)
    fleet.wait_until_started("rolled", 4)
    before = fleet.running("shop")

    _change_user(fleet, ">two")
    _put_password(fleet, "two")
    fleet.kubectl("annotate", "broker/outside", "example.com/look=now")  # or a minute later
    wait_for(lambda: len(fleet.running("shop") - before) == 2, 90, what="two new pods", poll=0.3)
    wait_for(lambda: not fleet.running("shop") & before, 60, what="the end of the old pods", poll=0.3)
    _change_user(fleet, "<one")

    marks = fleet.wait_until_done("rolled", 80, seconds=120)
    assert set(marks.started.values()) == set(marks.done.values()) == {1}
    fleet.wait_until_ready("shop")


def _change_user(fleet: Fleet, *rules: str) -> None:
    command = ("redis-cli", "ACL", "SETUSER", "shop", *rules)
    assert fleet.kubectl("exec", "default-broker-0", "--", *command).strip() == "OK"


def _put_password(fleet: Fleet, password: str) -> None:
    host = f"default-broker.{fleet.namespace}.svc"
    url = f"redis://shop:{password}@{host}:6379/0"
    fleet.kubectl.apply(secret(fleet.namespace, "outside-url", url=url))


def _password(fleet: Fleet) -> str:
    secret = fleet.kube.get("Secret", "default-broker-connection", fleet.namespace) or {}
    return decoded(secret)["password"]


def _image(fleet: Fleet) -> str:
    pod = fleet.kube.get("Pod", "default-broker-0", fleet.namespace) or {}
    return str(pod["spec"]["containers"][0]["image"])
