"""What a worker's log does not tell."""

from tests.runtime.brokers.scene import Scene
from tests.runtime.ports import free_port
from tests.runtime.redis_sentinel import MASTER
from tests.tools.waiting import wait_for


def test_no_password_is_in_the_log_where_no_sentinel_answers(scene: Scene) -> None:
    scene.worker(
        f"sentinel://:m%40ster@127.0.0.1:{free_port()}/0",
        environment={"TASKFLEET_SENTINEL_PASSWORD": "own-s3cret"},
        sentinel={"masterName": MASTER, "tls": False},
    ).start()
    wait_for(lambda: "No master found" in scene.workers[0].log, 30, what="the worker to complain")
    assert scene.secrets_told(["own-s3cret", "m@ster", "m%40ster"]) == []
