"""A WorkerPool out of one start of Celery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from taskfleet.api import Object, format_duration, parse_duration
from taskfleet.api.worker_variables import REFUSED_VARIABLES
from taskfleet.convert import readers
from taskfleet.convert.absent import place_absent
from taskfleet.convert.address_parts import parts_notes, results_by_parts
from taskfleet.convert.broker import KEY, BrokerUrl, database_beside, find_broker_url
from taskfleet.convert.celery_options import Option
from taskfleet.convert.command_line import Invocation, launcher_words
from taskfleet.convert.draft import Draft
from taskfleet.convert.environment import (
    SecretKey,
    Variable,
    name_hidden_variables,
    options_from_environment,
    place_environment,
    with_script_variables,
)
from taskfleet.convert.flags import place_worker_options
from taskfleet.convert.kubernetes import Cluster
from taskfleet.convert.notes import Notes
from taskfleet.convert.pod import place_pod
from taskfleet.convert.refused import leave_out_refused
from taskfleet.convert.scaling import place_scaling, place_selecting
from taskfleet.convert.settings import SETTINGS, other_setting
from taskfleet.convert.shell import unknown_variables
from taskfleet.convert.workload import PLACEHOLDER, Start, Workload, part, whole


@dataclass
class Pool:
    """A WorkerPool under construction."""

    name: str
    start: Start
    draft: Draft
    variables: Mapping[str, Variable]
    broker: BrokerUrl | None

    @property
    def workload(self) -> Workload:
        return self.start.workload

    @property
    def app(self) -> str:
        return str(self.draft.spec["app"])


def build_pool(
    name: str, start: Start, invocation: Invocation, variables: Mapping[str, Variable], cluster: Cluster
) -> Pool:
    """The pool of a worker, with a note on each setting of its workload."""
    workload, container = start.workload, start.container
    draft = Draft(Notes(workload.source))
    draft.notes.entries += workload.notes
    draft.notes.kept("becomes", f"WorkerPool {name}")
    script = with_script_variables(variables, invocation.variables)
    options, read = options_from_environment("worker", invocation.options, script)
    _place_program(draft, invocation, container)
    place_worker_options(draft, options)
    for word in invocation.arguments:
        draft.notes.lost(word, "no longer an argument of Celery's worker: configure it in the app.")
    place_absent(draft, options)
    place_scaling(draft, workload, cluster)
    place_environment(draft, container, read)
    _place_script_variables(draft, invocation)
    name_hidden_variables(draft, variables, read)
    _place_resources(draft, container)
    _place_result_backend(draft, name, options, script)
    place_pod(draft, workload, _with_folder(container, invocation, options), leave_out=start.apart)
    _place_grace(draft, workload)
    place_selecting(draft, workload, cluster)
    _place_settings(draft, workload)
    _name_unknown(draft, options)
    leave_out_refused(draft)
    return Pool(name, start, draft, script, find_broker_url(options, script))


def _place_program(draft: Draft, invocation: Invocation, container: Object) -> None:
    spec = draft.spec
    spec["app"] = PLACEHOLDER
    spec["image"] = str(container.get("image") or PLACEHOLDER)
    if spec["image"].startswith(PLACEHOLDER):
        draft.notes.by_hand(
            "image", f"build and push an image with the app, and replace {spec['image']} with it."
        )
    else:
        draft.notes.kept("image", spec["image"])
    if invocation.python and invocation.python != "python":
        spec["python"] = invocation.python
        draft.notes.kept("python", invocation.python)
    if launcher := launcher_words(invocation):
        draft.place(SETTINGS, "launcher", launcher, subject=f"launcher {' '.join(launcher)}")
    for words in invocation.after:
        draft.place(SETTINGS, "otherCommand", list(words), subject=f"other command: {' '.join(words)}")


def _place_script_variables(draft: Draft, invocation: Invocation) -> None:
    own = {name: value for name, value in invocation.variables.items() if name not in REFUSED_VARIABLES}
    if not own:
        return
    env = {str(entry["name"]): entry for entry in draft.spec.get("env", [])}
    env.update({name: {"name": name, "value": value} for name, value in own.items()})
    draft.spec["env"] = list(env.values())
    draft.notes.kept("variables of the script", f"env {', '.join(own)}")


def _with_folder(container: Object, invocation: Invocation, options: Sequence[Option]) -> Object:
    """The container with the folder that `cd` or --workdir names."""
    workdir = next((option.value for option in options if option.name == "--workdir"), None)
    folder = workdir or invocation.directory
    return {**container, "workingDir": folder} if folder else container


def _place_resources(draft: Draft, container: Object) -> None:
    resources = part(container, "resources")
    known = {name: resources[name] for name in ("requests", "limits") if resources.get(name)}
    if known:
        draft.spec["resources"] = known
        draft.notes.kept("resources", ", ".join(known))
    if resources.get("claims"):
        draft.notes.lost("resources.claims", "add them to spec.template.spec.containers[worker].resources.")


def _place_result_backend(
    draft: Draft, name: str, options: Sequence[Option], variables: Mapping[str, Variable]
) -> None:
    flag = next((option.value for option in options if option.name == "--result-backend"), None)
    variable = variables.get("CELERY_RESULT_BACKEND")
    if variable is None and flag is None:
        return
    url = variable.value if variable is not None else flag
    database = database_beside(find_broker_url(options, variables), url)
    if database is not None:
        draft.spec["resultBackend"] = {"broker": {"database": database}}
        draft.notes.kept("result backend", f"resultBackend: database {database} of the Broker")
        return
    if variable is not None and variable.secret is not None:
        ref = {"name": variable.secret.name, "key": variable.secret.key}
        _place_results_url(draft, ref)
    elif variable is None or variable.origin in ("env", "script"):
        _place_results_apart(draft, f"{name}-results", url, variables)
    # envFrom still sets it


def _place_results_apart(
    draft: Draft, secret: str, url: str | None, variables: Mapping[str, Variable]
) -> None:
    parts = results_by_parts(url, variables, SecretKey(secret, "password"))
    if parts is not None:
        draft.spec["resultBackend"] = parts.address
        parts_notes(draft.notes, "result backend", "resultBackend", "result backend", parts, written=True)
        return
    draft.notes.by_hand(
        "result backend",
        f"create its Secret from the current URL: kubectl create secret generic {secret} --from-literal={KEY}=URL",
    )
    _place_results_url(draft, {"name": secret, "key": KEY})


def _place_results_url(draft: Draft, ref: Object) -> None:
    draft.spec["resultBackend"] = {"urlSecretRef": ref}
    draft.notes.kept("result backend", f"resultBackend: Secret {ref['name']}, key {ref['key']}")


def _place_grace(draft: Draft, workload: Workload) -> None:
    given = part(workload.template, "spec").get("terminationGracePeriodSeconds")
    said = "terminationGracePeriodSeconds"
    if given is None:
        default = "timeLimit plus 45s" if "timeLimit" in draft.spec else "10m"
        draft.notes.changed(
            said, f"{default} instead of {workload.grace_default}s, so that running tasks can finish."
        )
        return
    seconds = whole(given, workload.grace_default)
    draft.spec["terminationGracePeriod"] = format_duration(timedelta(seconds=max(1, seconds)))
    limit = draft.spec.get("timeLimit")
    is_short = seconds <= workload.grace_default or (
        limit and parse_duration(limit).total_seconds() > seconds
    )
    short = "; a task that takes longer is killed, as today" if is_short else ""
    draft.notes.kept(said, f"terminationGracePeriod: {draft.spec['terminationGracePeriod']}{short}")


def _place_settings(draft: Draft, workload: Workload) -> None:
    if not {"strategy", "updateStrategy"} & set(workload.settings):
        draft.notes.changed("rollout", "new pods start first: maxSurge 25%, maxUnavailable 0.")
    for name, value in workload.settings.items():
        draft.place(SETTINGS if name in SETTINGS else other_setting(name), name, value)


def _name_unknown(draft: Draft, options: Sequence[Option]) -> None:
    for option in options:
        for name in unknown_variables(option.value or ""):
            draft.notes.by_hand(f"${name}", f"{option} uses this variable, and the input does not set it.")


def pool_name(workload: Workload, suffix: str, taken: set[tuple[str | None, str]]) -> str:
    """A name whose Deployment, <name>-worker, is not taken: the old one runs until it is deleted."""
    base = readers.object_name(f"{workload.name}{suffix}", length=34)
    candidates = (base, f"{base}-pool", *(f"{base}-{number}" for number in range(2, 100)))
    return next(
        name
        for name in candidates
        if (workload.namespace, f"{name}-worker") not in taken
        and (workload.namespace, f"pool {name}") not in taken
    )
