"""Services of a compose file as workloads: https://docs.docker.com/reference/compose-file/services/."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from taskfleet.api import Object, parse_duration
from taskfleet.convert import readers
from taskfleet.convert.draft import Unreadable
from taskfleet.convert.notes import Note, Notes
from taskfleet.convert.shell import expand, split_words, unknown_variables
from taskfleet.convert.workload import PLACEHOLDER, Workload, part, whole, words

_GRACE_SECONDS = 10  # of docker stop
_REQUIRED = re.compile(r"\$\{(\w+):?\?[^}]*\}")
_HANDLED = frozenset(
    {"image", "command", "entrypoint", "environment", "env_file", "volumes", "deploy", "scale", "mem_limit",
     "mem_reservation", "cpus", "stop_grace_period", "working_dir", "user", "tmpfs"}
)  # fmt: skip


def compose_workloads(document: Object, file: str, variables: Mapping[str, str]) -> list[Workload]:
    """The services of a compose file. `variables` are those of its .env, where the input has one."""
    return [
        _Service(str(name), service, variables).workload(file)
        for name, service in part(document, "services").items()
        if isinstance(service, dict)
    ]


class _Service:
    """One service on its way into a pod template."""

    def __init__(self, name: str, service: Object, variables: Mapping[str, str]) -> None:
        self.name, self.variables = name, variables
        self.service = {key: self._known(value) for key, value in service.items()}
        self.notes = Notes(f"service {name}")
        self.pod: Object = {}
        self.container: Object = {"name": readers.object_name(name)}

    def workload(self, file: str) -> Workload:
        self.notes.source = f"service {self.name} of {file}"
        self._image()
        self._program()
        self._environment()
        self._volumes()
        self._resources()
        self._user()
        self._grace()
        settings = {
            key: value
            for key, value in self.service.items()
            if key not in _HANDLED and not key.startswith("x-")
        }
        deploy = part(self.service, "deploy")
        settings |= {f"deploy.{key}": deploy[key] for key in deploy if key not in ("replicas", "resources")}
        replicas = deploy.get("replicas", self.service.get("scale"))
        self.pod["containers"] = [self.container]
        return Workload(
            source=self.notes.source,
            kind="service",
            name=self.name,
            namespace=None,
            template={"spec": self.pod},
            replicas=whole(replicas, 1),
            grace_default=_GRACE_SECONDS,
            settings=settings,
            notes=tuple(self.notes.entries),
        )

    def _known(self, value: Any) -> Any:
        """A value with the variables that are known, and with the defaults of others."""
        if isinstance(value, str):
            return expand(_REQUIRED.sub(r"${\1}", value), self.variables)
        if isinstance(value, list):
            return [self._known(one) for one in value]
        if isinstance(value, dict):
            return {key: self._known(one) for key, one in value.items()}
        return value

    def _image(self) -> None:
        image = str(self.service.get("image") or "")
        if not image or "$" in image:
            image = f"{PLACEHOLDER}/{_build_name(self.service.get('build'))}"
        self.container["image"] = image

    def _program(self) -> None:
        for key, field in (("entrypoint", "command"), ("command", "args")):
            value = self.service.get(key)
            if isinstance(value, str):
                self.container[field] = split_words(value.replace("$$", "$"))
            elif value:
                self.container[field] = words(value)
        if self.service.get("working_dir"):
            self.container["workingDir"] = str(self.service["working_dir"])

    def _environment(self) -> None:
        raw = self.service.get("environment")
        listed = words(raw)
        pairs = raw.items() if isinstance(raw, dict) else (one.partition("=")[::2] for one in listed)
        env: list[Object] = []
        referred: list[str] = []
        for name, value in pairs:
            passed_on = value is None or str(name) in listed
            text = f"${{{name}}}" if passed_on else _text(value)
            unknown = unknown_variables(text)
            referred += unknown
            if unknown and re.fullmatch(r"\$\{?\w+\}?", text):
                env.append(_from_secret(str(name), unknown[0]))
            else:
                env.append({"name": str(name), "value": re.sub(r"\$\{(\w+)\}", r"$(\1)", text)})
        own = {str(entry["name"]) for entry in env}
        helpers = [_from_secret(name, name) for name in dict.fromkeys(referred) if name not in own]
        if env:
            self.container["env"] = helpers + env
        files = self._env_files()
        if referred:
            files.setdefault("compose-env", ".env")
            said = ", ".join(dict.fromkeys(referred))
            self.notes.changed("variables of .env", f"{said}: read from the Secret compose-env.")
        for secret, file in files.items():
            command = f"kubectl create secret generic {secret} --from-env-file={file}"
            self.notes.by_hand(f"file {file}", f"create a Secret from it: {command}")

    def _env_files(self) -> dict[str, str]:
        raw = self.service.get("env_file")
        paths = (
            [raw] if isinstance(raw, str) else [_path(one) for one in (raw if isinstance(raw, list) else [])]
        )
        files = {f"compose-{readers.object_name(path.rpartition('/')[2], length=30)}": path for path in paths}
        if files:
            self.container["envFrom"] = [{"secretRef": {"name": name}} for name in files]
        return files

    def _volumes(self) -> None:
        volumes: list[Object] = []
        mounts: list[Object] = []
        for source, target, read_only in self._mounts():
            if not source or not target:
                self.notes.changed(
                    f"volume {target or source}",
                    "an anonymous volume is not created: the container's own file system is used.",
                )
            elif source.startswith((".", "/", "~", "$")):
                self.notes.lost(
                    f"volume {source}:{target}",
                    "a directory of the host: add it to the image, or mount a PersistentVolumeClaim.",
                )
            else:
                claim = readers.object_name(source)
                volumes.append({"name": claim, "persistentVolumeClaim": {"claimName": claim}})
                mounts.append(
                    {"name": claim, "mountPath": target, **({"readOnly": True} if read_only else {})}
                )
                self.notes.by_hand(
                    f"volume {source}", f"create the PersistentVolumeClaim {claim}, with its files."
                )
        for target in _as_list(self.service.get("tmpfs")):
            name = readers.object_name(f"tmpfs{target}")
            volumes.append({"name": name, "emptyDir": {"medium": "Memory"}})
            mounts.append({"name": name, "mountPath": target.partition(":")[0]})
        if volumes:
            self.pod["volumes"], self.container["volumeMounts"] = volumes, mounts

    def _mounts(self) -> Iterator[tuple[str, str, bool]]:
        raw = self.service.get("volumes")
        for one in raw if isinstance(raw, list) else []:
            if isinstance(one, dict):
                yield str(one.get("source") or ""), str(one.get("target") or ""), bool(one.get("read_only"))
            else:
                source, _, rest = str(one).partition(":")
                target, _, mode = rest.partition(":")
                yield (source, target, "ro" in mode.split(",")) if rest else ("", source, False)

    def _resources(self) -> None:
        resources = part(part(self.service, "deploy"), "resources")
        limits, reserved = part(resources, "limits"), part(resources, "reservations")
        found: Object = {
            "limits": {"cpu": limits.get("cpus", self.service.get("cpus")),
                       "memory": limits.get("memory", self.service.get("mem_limit"))},
            "requests": {"cpu": reserved.get("cpus"),
                         "memory": reserved.get("memory", self.service.get("mem_reservation"))},
        }  # fmt: skip
        given = {kind: dict(self._amounts(kind, amounts)) for kind, amounts in found.items()}
        self.container["resources"] = {kind: amounts for kind, amounts in given.items() if amounts}
        if reserved.get("devices"):
            self.notes.lost("devices", "set a limit such as nvidia.com/gpu: 1 in spec.resources.limits.")

    def _amounts(self, kind: str, amounts: Object) -> Iterator[tuple[str, str]]:
        for name, value in amounts.items():
            if value is None:
                continue
            try:
                yield name, readers.memory(value) if name == "memory" else str(value)
            except Unreadable as error:
                self.notes.by_hand(f"{kind}.{name}", f"{error} Set spec.resources.{kind}.{name}.")

    def _user(self) -> None:
        user = str(self.service.get("user") or "")
        if not user:
            return
        number, _, group = {"root": "0"}.get(user, user).partition(":")
        if not number.isdigit():
            self.notes.by_hand(
                "user", f"{user} is not a number: set template.spec.securityContext.runAsUser."
            )
            return
        security: Object = {"runAsUser": int(number)}
        if group.isdigit():
            security["runAsGroup"] = int(group)
        self.pod["securityContext"] = security

    def _grace(self) -> None:
        given = self.service.get("stop_grace_period")
        if given is not None:
            try:
                span: timedelta = parse_duration(readers.seconds(given))
            except (Unreadable, ValueError):
                self.notes.by_hand(
                    "stop_grace_period", f"{given!r} is not a valid time: set spec.terminationGracePeriod."
                )
                return
            self.pod["terminationGracePeriodSeconds"] = int(span.total_seconds())


def _build_name(build: Any) -> str:
    """A name for the image of a build: services of one build have one image."""
    given = build if isinstance(build, dict) else {"context": build or "."}
    text = "-".join(str(given.get(key) or "") for key in ("context", "dockerfile", "target"))
    named = [word for word in re.split(r"[^A-Za-z0-9]+", text) if word and word != "Dockerfile"]
    return readers.object_name("-".join(named)) if named else "app"


def _text(value: Any) -> str:
    """A value as compose passes it on; YAML's true is the text true."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _path(entry: Any) -> str:
    return str(entry.get("path")) if isinstance(entry, dict) else str(entry)


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else words(value)


def _from_secret(name: str, key: str) -> Object:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": "compose-env", "key": key}}}


def top_level_notes(document: Object, file: str) -> Iterator[Note]:
    """Notes about the parts of a compose file other than services."""
    notes = Notes(file)
    for name in document:
        if name not in ("services", "version", "name") and not str(name).startswith("x-"):
            notes.changed(str(name), "only services are converted.")
    yield from notes.entries


def has_services(document: Any) -> bool:
    """Whether a document is a compose file."""
    return bool(part(document, "services")) and "apiVersion" not in document
