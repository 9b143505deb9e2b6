"""A registry's user, for programs that read Docker's configuration: crane, Helm and cosign."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from tests.tools.cluster import programs
from tests.tools.release.tools import run

Environment = dict[str, str]


@dataclass(frozen=True)
class Login:
    """The password never is an argument of a program."""

    user: str
    password: str


def from_environment() -> Login | None:
    """REGISTRY_USER and REGISTRY_PASSWORD; None: what the machine's own configuration says."""
    user = os.environ.get("REGISTRY_USER")
    return Login(user, os.environ["REGISTRY_PASSWORD"]) if user else None


@contextmanager
def logged_in(registry: str, login: Login | None) -> Iterator[Environment]:
    """Variables with which programs reach the registry, for as long as the block runs."""
    if login is None:
        yield {}
        return
    with TemporaryDirectory() as folder:
        environment = {"DOCKER_CONFIG": folder, "HELM_REGISTRY_CONFIG": f"{folder}/config.json"}
        arguments = [
            "auth",
            "login",
            registry.partition("/")[0],
            "--username",
            login.user,
            "--password-stdin",
        ]
        run(programs.program("crane"), *arguments, env=environment, stdin=login.password)
        yield environment
