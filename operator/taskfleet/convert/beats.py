"""A separate beat, joined with a pool of the same app, or with a pool of zero pods."""

from collections.abc import Mapping, Sequence

from taskfleet.api import Object
from taskfleet.api.worker_variables import REFUSED_VARIABLES
from taskfleet.convert.broker import find_broker_url
from taskfleet.convert.celery_options import Option
from taskfleet.convert.command_line import Invocation, launcher_words
from taskfleet.convert.draft import Draft
from taskfleet.convert.environment import Variable, place_environment, with_script_variables
from taskfleet.convert.flags import place_beat_options
from taskfleet.convert.notes import Notes
from taskfleet.convert.pod import place_pod
from taskfleet.convert.pools import Pool
from taskfleet.convert.settings import SETTINGS
from taskfleet.convert.workload import PLACEHOLDER, Start, Workload, entries, part

_POD_FIELDS = ("volumes", "affinity", "nodeSelector", "tolerations", "serviceAccountName", "initContainers")


def join_beat(pools: Sequence[Pool], start: Start, invocation: Invocation) -> Notes | None:
    """Give a beat to the first pool of its app; the notes are the beat's own. None where no pool has its app."""
    app = invocation.value("--app")
    own = [pool for pool in pools if pool.workload.namespace == start.workload.namespace and pool.app == app]
    if not own:
        return None
    image = start.container.get("image")
    pool = next((one for one in own if one.draft.spec["image"] == image), own[0])
    notes = Notes(start.workload.source)
    notes.entries += start.workload.notes
    if "beat" in pool.draft.spec:
        notes.lost(
            "beat",
            f"WorkerPool {pool.name} already has a beat, and a pool has at most one: create a pool for this one.",
        )
        return notes
    draft = Draft(notes, pool.draft.spec)
    _place_beat(draft, start, invocation)
    notes.kept("becomes", f"beat of WorkerPool {pool.name}")
    _differences(draft, start, pool)
    return notes


def beat_pool(name: str, start: Start, invocation: Invocation, variables: Mapping[str, Variable]) -> Pool:
    """A pool of zero pods whose beat runs: for a beat without workers in the input."""
    workload, container = start.workload, start.container
    draft = Draft(Notes(workload.source))
    draft.notes.entries += workload.notes
    draft.notes.kept("becomes", f"WorkerPool {name}")
    draft.spec |= {
        "app": invocation.value("--app") or PLACEHOLDER,
        "image": str(container.get("image") or PLACEHOLDER),
        "replicas": 0,
    }
    _place_beat(draft, start, invocation)
    place_environment(draft, container, {})
    place_pod(draft, workload, container)
    draft.notes.changed("beat", "the input has no worker of its app: a pool of zero pods runs the beat.")
    script = with_script_variables(variables, invocation.variables)
    return Pool(name, start, draft, script, find_broker_url(invocation.options, script))


def _place_beat(draft: Draft, start: Start, invocation: Invocation) -> None:
    place_beat_options(draft, _without_defaults(invocation.options))
    if launcher := launcher_words(invocation):
        draft.place(SETTINGS, "beat.launcher", launcher, subject=f"beat launcher {' '.join(launcher)}")
    if (start.workload.replicas or 1) > 1:
        draft.notes.changed(
            "beat replicas", f"1 instead of {start.workload.replicas}: two beats would send every task twice."
        )
    probes = [
        name for name in ("livenessProbe", "readinessProbe", "startupProbe") if start.container.get(name)
    ]
    if probes:
        draft.notes.changed("beat probes", f"the operator's own probes replace {', '.join(probes)}.")


def _without_defaults(options: Sequence[Option]) -> list[Option]:
    return [option for option in options if not (option.name == "--pidfile" and not option.value)]


def _differences(draft: Draft, start: Start, pool: Pool) -> None:
    """Note where beat differs from the pool."""
    ours, theirs = start.container, pool.start.container
    if ours.get("image") != theirs.get("image"):
        draft.place(SETTINGS, "beat.image", ours.get("image"), subject=f"beat image {ours.get('image')}")
    if resources := part(ours, "resources"):
        draft.place(SETTINGS, "beat.resources", resources)
    others = [entry for entry in entries(ours, "env") if entry not in entries(theirs, "env")]
    mine = [entry for entry in others if entry.get("name") not in REFUSED_VARIABLES]
    if refused := [str(entry.get("name")) for entry in others if entry not in mine]:
        draft.notes.changed(f"beat env {', '.join(refused)}", "omitted: beat has the broker of its pool.")
    if mine:
        names = ", ".join(str(entry.get("name")) for entry in mine)
        draft.place(SETTINGS, "beat.env", mine, subject=f"beat env {names}")
    if entries(ours, "envFrom") != entries(theirs, "envFrom"):
        draft.place(SETTINGS, "beat.envFrom", entries(ours, "envFrom"))
    if own := _own_template(start.workload, pool.workload, ours, theirs):
        draft.place(SETTINGS, "beat.template", own, subject=f"beat {', '.join(own)}")


def _own_template(beat: Workload, worker: Workload, ours: Object, theirs: Object) -> Object:
    own = {
        name: beat.pod[name]
        for name in _POD_FIELDS
        if beat.pod.get(name) != worker.pod.get(name) and beat.pod.get(name)
    }
    if entries(ours, "volumeMounts") != entries(theirs, "volumeMounts") and entries(ours, "volumeMounts"):
        own["volumeMounts"] = ours["volumeMounts"]
    return own
