"""Python in the pod of the web app: one process for many questions, because Django takes seconds to start."""

import json
import select
import subprocess
from typing import Any

_LOOP = """
import contextlib, io, json, os, sys, traceback
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
django.setup()
for line in sys.stdin:
    asked = json.loads(line)
    os.environ.update(asked["environment"])
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec(asked["code"], {"__name__": "__main__"})
        answer = {"said": said.getvalue()}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
"""


class Console:
    """Starts with its first question, and anew after one that had no answer; `close` ends it."""

    def __init__(self, command: list[str]) -> None:
        self._command = [*command, "python", "-c", _LOOP]
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str, *, seconds: float, **environment: str) -> Any:
        """What the code printed last, read as JSON."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"code": code, "environment": environment}) + "\n")
        process.stdin.flush()
        answered, _, _ = select.select([process.stdout], [], [], seconds)
        line = process.stdout.readline() if answered else ""
        if not line:
            self.close()
        assert line, f"no answer from the pod of the web app within {seconds:g} s, or its end:\n{code}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return json.loads(answer["said"].splitlines()[-1])

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
