"""RabbitMQ as a team has it, and what is done to it while tasks run. One function a row."""

from urllib.parse import quote

from taskfleet.brokers.connection.target import Tls, target_of
from taskfleet.brokers.probe import Verdict
from tests.runtime.brokers.scene import SECONDS, TASKS, Scene
from tests.runtime.ports import free_port
from tests.runtime.rabbitmq_server import RabbitMQServer
from tests.tools.waiting import wait_for

AWKWARD = "p@ss/w+rd %2F?:;&"  # as far as its configuration file can hold it


def rabbitmq(scene: Scene) -> None:
    """With a password of many kinds of characters, and a wrong one; and a purge."""
    with RabbitMQServer(scene.folder, password=AWKWARD) as server:
        target = target_of(server.url)
        scene.sent += server.send(TASKS, "proj.nap", SECONDS)
        scene.operator_sees(target, TASKS)
        worker = scene.worker(server.url).start().ready()
        scene.finish()
        scene.operator_sees(target, 0, worker=worker)
        server.send(3, "proj.nap", SECONDS, queue="later")
        assert [scene.operator_purges(target, queue) for queue in ("later", "later", "none")] == [3, 0, 0]
        wrong = server.url.replace(quote(AWKWARD, safe=""), "hunter2")
        assert scene.operator_finds(target_of(wrong)).verdict is Verdict.AUTHENTICATION_FAILED
        nowhere = scene.operator_finds(target_of(f"{server.url}nowhere"))
        assert "virtual host of the URL does not exist" in nowhere.detail
    assert scene.secrets_told([AWKWARD, quote(AWKWARD, safe="")]) == []


def rabbitmq_over_tls(scene: Scene) -> None:
    """Good CA and client certificate; without one, and with another CA, the operator says which side refuses."""
    own, port = scene.certificates, free_port()
    with RabbitMQServer(scene.folder, *_tls(scene, port)) as server:
        url = f"amqps://shop:s3cret@127.0.0.1:{port}//"
        tls = Tls(ca=own.ca, certificate=own.text("client.crt"), key=own.text("client.key"))
        scene.sent += server.send(TASKS, "proj.nap", SECONDS)
        scene.operator_sees(target_of(url, tls=tls), TASKS)
        files = {"ca": "ca.crt", "certificate": "client.crt", "key": "client.key"}
        paths = {name: str(own.folder / file) for name, file in files.items()}
        worker = scene.worker(url, tls={**paths, "verify": True}).start().ready()
        scene.finish()
        scene.operator_sees(target_of(url, tls=tls), 0, worker=worker)
        stranger = scene.operator_finds(target_of(url, tls=Tls(ca=own.unknown_ca)))
        assert "signed by an unknown CA" in stranger.detail
        anonymous = scene.operator_finds(target_of(url, tls=Tls(ca=own.ca)))
        assert anonymous.verdict is Verdict.TLS_FAILED
    key = own.text("client.key").splitlines()[1]
    assert scene.secrets_told([key, "s3cret"]) == []


def rabbitmq_wrong_ca(scene: Scene) -> None:
    """The worker does not enter, and runs nothing."""
    own, port = scene.certificates, free_port()
    with RabbitMQServer(scene.folder, *_tls(scene, port)) as server:
        scene.sent += server.send(TASKS, "proj.nap", SECONDS)
        unknown = {"ca": str(own.stranger / "ca.crt"), "certificate": None, "key": None, "verify": True}
        worker = scene.worker(f"amqps://shop:s3cret@127.0.0.1:{port}//", tls=unknown).start()
        wait_for(lambda: "CERTIFICATE_VERIFY_FAILED" in worker.log, 60, what="the worker to refuse")
        assert worker.get("/readyz")[0] == 503
        assert server.waiting() == TASKS


def rabbitmq_restart(scene: Scene) -> None:
    """Stopped and started again while tasks run: it gives those to workers once more."""
    with RabbitMQServer(scene.folder) as server:
        scene.sent += server.send(TASKS, "proj.nap", SECONDS)
        worker = scene.worker(server.url).start().ready()
        wait_for(lambda: len(scene.notes.finished()) > 5, 30, what="tasks to run")
        server.stop()
        server.start()
        scene.finish()
        scene.operator_sees(target_of(server.url), 0, worker=worker)


def _tls(scene: Scene, port: int) -> list[str]:
    folder = scene.certificates.folder
    return [
        f"listeners.ssl.default = 127.0.0.1:{port}",
        f"ssl_options.cacertfile = {folder / 'ca.crt'}",
        f"ssl_options.certfile = {folder / 'server.crt'}",
        f"ssl_options.keyfile = {folder / 'server.key'}",
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
    ]
