"""An app that also sends through a second one, which names a broker of its own."""

import os
import subprocess
import sys

import redis
from celery import Celery

app = Celery("partners", broker="redis://127.0.0.1:1/0")  # as for another environment: the pool's holds
app.conf.task_ignore_result = True
partner = Celery("partner", broker=os.environ["PARTNER_URL"])
by_settings = Celery("by_settings")
by_settings.conf.update(broker_write_url=os.environ["PARTNER_URL"], broker_url=os.environ["PARTNER_URL"])
without = Celery("without")  # names none: the environment's


@app.task
def hand_over(sender: str) -> None:
    {"partner": partner, "by_settings": by_settings, "without": without, "app": app}[sender].send_task(
        "partner.work", queue="partner"
    )


@app.task
def hand_over_by_python(sender: str) -> None:
    """In a Python of its own, which knows either all apps or, for `stranger`, none of these."""
    module = "stranger" if sender == "stranger" else f"partners import {sender} as app; from os"
    program = f"from {module} import {'app' if sender == 'stranger' else 'path'}; "
    program += "app.send_task('partner.work', queue='partner')"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


@app.task
def hand_over_by_command(name: str) -> None:
    """As `celery call` does."""
    line = [sys.executable, "-m", "celery", "-A", name, "call", "partner.work", "--queue", "partner"]
    subprocess.run(line, check=True, timeout=30)


@app.task
def show_partner() -> None:
    """What a Python of the task's sees of the variable."""
    program = "import os; print(os.environ['PARTNER_URL'])"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    redis.Redis.from_url(os.environ["CELERY_BROKER_URL"]).lpush("shown", out.stdout.strip())
