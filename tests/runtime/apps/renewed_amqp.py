"""Prints the logins that py-amqp connects with while the file of the password is renewed; no server is asked."""

import json
import pathlib
import sys
from typing import Any

from kombu import Connection
from kombu.transport import pyamqp

from taskfleet_worker.address_parts import Parts, url_of
from taskfleet_worker.patches import renewed_login

seen: list[list[str]] = []


class Recorder:
    def __init__(self, userid: str, password: str, **_: Any) -> None:
        seen.append([userid, password])

    def connect(self) -> None:
        """Nothing to connect to."""


pyamqp.Transport.Connection = Recorder
folder = pathlib.Path(sys.argv[1])
texts = {"host": "localhost", "port": None, "username": "shop", "path": "a/b"}
parts = Parts("amqp", str(folder), texts)
(folder / "password").write_text("t/1")
url = url_of(parts)
renewed_login.install(parts, url)
ours, others = Connection(url), Connection("amqp://shop:other@localhost/a%2Fb")
for number in (1, 2, 3):
    (folder / "password").write_text(f"t/{number}")
    for connection in (ours, others):
        connection._establish_connection()
print(json.dumps(seen))
