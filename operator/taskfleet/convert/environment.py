"""The variables of a container from all sources, and the handling of those that Celery reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from taskfleet.api import Object
from taskfleet.api.worker_variables import REFUSED_VARIABLES
from taskfleet.convert.celery_options import Option, grammar
from taskfleet.convert.draft import Draft, Dropped, Missing, Table
from taskfleet.convert.notes import Verdict
from taskfleet.convert.workload import entries, part


@dataclass(frozen=True)
class SecretKey:
    """A key of a Secret."""

    name: str
    key: str


@dataclass(frozen=True)
class ConfigMapKey:
    """A key of a ConfigMap."""

    name: str
    key: str


@dataclass(frozen=True)
class Variable:
    """One variable: its value, or the Secret's key that has it, or neither where the input does not say."""

    name: str
    value: str | None
    secret: SecretKey | None = None
    origin: str = "env"  # else the object of envFrom
    config: ConfigMapKey | None = None  # the key that has the value


@dataclass(frozen=True)
class Known:
    """The ConfigMaps and Secrets of the input, by namespace and name."""

    config_maps: Mapping[tuple[str | None, str], dict[str, str]] = field(default_factory=dict)
    secrets: Mapping[tuple[str | None, str], frozenset[str]] = field(default_factory=dict)


def container_variables(container: Object, known: Known, namespace: str | None) -> dict[str, Variable]:
    """All variables of a container by name; `env` wins over `envFrom`, as in Kubernetes."""
    found: dict[str, Variable] = {}
    for source in entries(container, "envFrom"):
        prefix = str(source.get("prefix") or "")
        config, secret = part(source, "configMapRef").get("name"), part(source, "secretRef").get("name")
        for key, value in known.config_maps.get((namespace, str(config)), {}).items():
            found[prefix + key] = Variable(
                prefix + key, value, origin=f"ConfigMap {config}", config=ConfigMapKey(str(config), key)
            )
        for key in known.secrets.get((namespace, str(secret)), frozenset()):
            name = prefix + key
            found[name] = Variable(name, None, SecretKey(str(secret), key), f"Secret {secret}")
    for entry in entries(container, "env"):
        variable = _of_entry(entry, known, namespace)
        found[variable.name] = variable
    return found


def _of_entry(entry: Object, known: Known, namespace: str | None) -> Variable:
    name, source = str(entry.get("name")), part(entry, "valueFrom")
    secret, config = part(source, "secretKeyRef"), part(source, "configMapKeyRef")
    if secret:
        return Variable(name, None, SecretKey(str(secret.get("name")), str(secret.get("key"))))
    if config:
        data = known.config_maps.get((namespace, str(config.get("name"))), {})
        key = ConfigMapKey(str(config.get("name")), str(config.get("key")))
        return Variable(name, data.get(key.key), config=key)
    value = entry.get("value")
    return Variable(name, None if source else str("" if value is None else value))


def plain_values(variables: Mapping[str, Variable]) -> dict[str, str]:
    """The values that are known."""
    return {name: one.value for name, one in variables.items() if one.value is not None}


# What a pool sets itself, or rejects. Other variables belong to the app and are kept.
VARIABLES: Table = {
    "CELERY_BROKER_URL": Dropped("replaced with the Broker's URL, under the same name.", Verdict.KEPT),
    "CELERY_BROKER_READ_URL": Dropped("replaced with the Broker's URL, under the same name."),
    "CELERY_BROKER_WRITE_URL": Dropped("replaced with the Broker's URL, under the same name."),
    "CELERY_RESULT_BACKEND": Dropped("resultBackend sets it, under the same name.", Verdict.KEPT),
    "CELERY_LOADER": Missing("Taskfleet uses its own loader: configure the app in its module."),
    "POD_NAME": Dropped("the operator sets it to the pod's name.", Verdict.KEPT),
    "TASKFLEET_SETTINGS": Dropped("the operator sets it."),
}
# The API server rejects these in env. What Celery's command line would take for an option is read before.
_OMITTED: Table = {
    **dict.fromkeys(
        ("BROKER_URL", "CELERY_BROKER"),
        Dropped("replaced with CELERY_BROKER_URL: an app that reads this name has to read that one."),
    ),
    "RESULT_BACKEND": Dropped("an app that reads this name has to read CELERY_RESULT_BACKEND."),
    "C_FORCE_ROOT": Dropped("only a worker that runs as root and accepts pickle needs it: set another user."),
    "CELERY_CONFIG": Missing("configure the app in its module: app.config_from_object."),
}
_OTHER_OPTION = Dropped("an option of Celery's command line, which a pod does not take from a variable.")
_OPTION_PREFIX = {"worker": "CELERY_WORKER_", "beat": "CELERY_BEAT_"}


def options_from_environment(
    command: str, options: tuple[Option, ...], variables: Mapping[str, Variable]
) -> tuple[tuple[Option, ...], dict[str, str]]:
    """The options with those that Celery reads from variables, and these variables by their option.

    Celery's command line has auto_envvar_prefix="CELERY": CELERY_WORKER_CONCURRENCY is a default of --concurrency.
    APP is its variable for --app.
    """
    prefix, names = _OPTION_PREFIX.get(command), grammar(command)
    given, read, added = {option.name for option in options}, {}, list(options)
    for name, variable in variables.items():
        option = f"--{name.removeprefix(prefix).lower().replace('_', '-')}" if prefix else ""
        option = (
            "--app"
            if name == "APP"
            else names.names.get(option, "")
            if name.startswith(prefix or "-")
            else ""
        )
        if not option or option in given or variable.value is None:
            continue
        switch = option not in names.values
        if not switch or variable.value.lower() in ("1", "true", "yes", "on", "t", "y"):
            added.append(Option(option, None if switch else variable.value))
        read[name] = option
    return tuple(added), read


def place_environment(draft: Draft, container: Object, read_as_options: Mapping[str, str]) -> None:
    """Put `env` and `envFrom` into the spec, without what the pool sets itself."""
    kept: list[Object] = []
    for entry in entries(container, "env"):
        name = str(entry.get("name"))
        if "name" not in entry:
            draft.notes.by_hand("env", f"an entry without a name is omitted: {entry}.")
        elif name in read_as_options and name != "APP":
            draft.notes.changed(
                f"env {name}",
                f"omitted: Celery reads it as {read_as_options[name]}, which its field sets.",
            )
        elif name in VARIABLES:
            draft.place(VARIABLES, name, entry.get("value"), subject=f"env {name}")
        elif name in REFUSED_VARIABLES:
            draft.place({name: _OMITTED.get(name, _OTHER_OPTION)}, name, None, subject=f"env {name}")
        else:
            kept.append(_cleaned(entry))
    if kept:
        draft.spec["env"] = kept
        draft.notes.kept("env", ", ".join(str(entry["name"]) for entry in kept))
    sources = [source for entry in entries(container, "envFrom") for source in _apart(entry)]
    if sources:
        draft.spec["envFrom"] = sources
        named = (part(one, kind) for one in sources for kind in ("configMapRef", "secretRef") if kind in one)
        draft.notes.kept("envFrom", ", ".join(str(one["name"]) for one in named))


def name_hidden_variables(draft: Draft, variables: Mapping[str, Variable], read: Mapping[str, str]) -> None:
    """Note the variables of envFrom that the pool sets itself: envFrom cannot omit single variables."""
    for variable in variables.values():
        if variable.origin == "env":
            continue
        if variable.name in VARIABLES:
            draft.notes.changed(
                f"envFrom {variable.name}",
                f"{variable.origin} contains it; the operator's value takes precedence.",
            )
        elif variable.name in read:
            draft.notes.changed(
                f"envFrom {variable.name}",
                f"{variable.origin} contains it; it is read as {read[variable.name]} here, and the pool ignores the variable.",
            )


def _cleaned(entry: Object) -> Object:
    if "valueFrom" in entry:
        return {"name": str(entry["name"]), "valueFrom": entry["valueFrom"]}
    return {"name": str(entry["name"]), "value": str("" if entry.get("value") is None else entry["value"])}


def _apart(source: Object) -> list[Object]:
    """An entry of envFrom with both sources as two."""
    prefix = {"prefix": source["prefix"]} if source.get("prefix") else {}
    return [
        {**prefix, kind: source[kind]}
        for kind in ("configMapRef", "secretRef")
        if part(source, kind).get("name")
    ]


def with_script_variables(variables: Mapping[str, Variable], added: Mapping[str, str]) -> dict[str, Variable]:
    """With what the start script sets."""
    own = {name: replace(Variable(name, value), origin="script") for name, value in added.items()}
    return {**variables, **own}
