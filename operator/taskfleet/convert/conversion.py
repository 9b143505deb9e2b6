"""Objects in, objects and notes out: the whole conversion."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from taskfleet.api import Object
from taskfleet.convert import readers
from taskfleet.convert.address_parts import broker_by_parts
from taskfleet.convert.beats import beat_pool, join_beat
from taskfleet.convert.broker import KEY, broker_notes, broker_parts_notes, same_place
from taskfleet.convert.command_line import Invocation, Opaque, find_celery
from taskfleet.convert.draft import Draft, manifest
from taskfleet.convert.environment import SecretKey, Variable, container_variables
from taskfleet.convert.kubernetes import Cluster, namespace_of, sort_objects, source_of
from taskfleet.convert.notes import Note, Notes, Verdict
from taskfleet.convert.periodic import place_schedule
from taskfleet.convert.pools import Pool, build_pool, pool_name
from taskfleet.convert.scaling import notes_of
from taskfleet.convert.starts import starts_of
from taskfleet.convert.workload import Start, Workload, entries, part, words

_MONITORS = frozenset({"flower", "events"})


@dataclass(frozen=True)
class Conversion:
    """The result: manifests in the order in which to apply them, and a note on every setting that was read."""

    manifests: tuple[Object, ...]
    notes: tuple[Note, ...]


@dataclass
class _State:
    cluster: Cluster
    pools: list[Pool] = field(default_factory=list)
    schedules: list[Object] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    converted: list[Workload] = field(default_factory=list)
    taken: set[tuple[str | None, str]] = field(default_factory=set)


def convert(
    objects: Iterable[Object], workloads: Sequence[Workload] = (), notes: Iterable[Note] = ()
) -> Conversion:
    """Convert Kubernetes objects, and workloads from other forms of input, with their notes."""
    cluster = sort_objects(objects)
    state = _State(cluster, notes=list(notes), taken=set(cluster.names))
    starts: list[Start] = []
    for one in (*cluster.workloads, *workloads):
        found = starts_of(one, cluster.known)
        starts += found
        state.notes += _workload_notes(one, found)
        state.converted += [one] if found else []
    for start in starts:
        if isinstance(start.started, Invocation) and start.started.command == "worker":
            _add_pool(state, start, start.started)
    for start in starts:
        _other_start(state, start)
    for job in cluster.cron_jobs:
        _add_schedules(state, job)
    brokers = _brokers(state)
    state.notes += cluster.notes + _scaled_jobs(cluster)
    for unmatched in notes_of(cluster, state.converted):
        state.notes += unmatched.entries
    pools = [
        manifest("WorkerPool", pool.name, pool.workload.namespace, pool.draft.spec) for pool in state.pools
    ]
    queues = list(_task_queues(state))
    pool_notes = [note for pool in state.pools for note in pool.draft.notes.entries]
    return Conversion((*brokers, *queues, *pools, *state.schedules), (*pool_notes, *state.notes))


def _workload_notes(workload: Workload, starts: Sequence[Start]) -> list[Note]:
    if not starts:
        return [Note(Verdict.KEPT, workload.source, "object", "does not start Celery; keep it as it is.")]
    commands = [
        one.started.command
        for one in starts
        if isinstance(one.started, Invocation) and one.workload is workload
    ]
    if len(commands) < 2:
        return []
    said = f"split into its parts: {', '.join(commands)}."
    return [Note(Verdict.CHANGED, workload.source, "several starts", said)]


def _variables(state: _State, start: Start) -> dict[str, Variable]:
    return container_variables(start.container, state.cluster.known, start.workload.namespace)


def _take_name(state: _State, workload: Workload, suffix: str = "") -> str:
    name = pool_name(workload, suffix, state.taken)
    state.taken.add((workload.namespace, f"pool {name}"))
    return name


def _add_pool(state: _State, start: Start, invocation: Invocation) -> None:
    suffix = "" if start.alone else f"-{invocation.value('--queues') or start.container.get('name')}"
    name = _take_name(state, start.workload, suffix)
    state.pools.append(build_pool(name, start, invocation, _variables(state, start), state.cluster))


def _other_start(state: _State, start: Start) -> None:
    notes, started = Notes(start.workload.source), start.started
    if isinstance(started, Opaque):
        state.notes += start.workload.notes
        said = f"{started.reason}: {' '.join(started.words) or 'no command is given'}."
        notes.lost(
            "command", f"{said} Write the WorkerPool yourself, with the app and the flags that it uses."
        )
    elif started.command == "beat":
        joined = join_beat(state.pools, start, started)
        if joined is None:
            name = _take_name(state, start.workload)
            state.pools.append(beat_pool(name, start, started, _variables(state, start)))
        else:
            notes = joined
    elif started.command in _MONITORS:
        state.notes += start.workload.notes
        notes.kept("object", f"celery {started.command}: keep it as it is; it works with the pools.")
    elif started.command != "worker":
        notes.lost("command", f"celery {started.command} is not a worker; keep it as it is.")
    state.notes += notes.entries


def _add_schedules(state: _State, job: Object) -> None:
    """A PeriodicSchedule for each task that a CronJob sends."""
    pod = part(part(part(part(part(job, "spec"), "jobTemplate"), "spec"), "template"), "spec")
    calls = [
        one
        for container in entries(pod, "containers")
        for one in find_celery([*words(container.get("command")), *words(container.get("args"))], {})
        if isinstance(one, Invocation) and one.command == "call" and one.arguments
    ]
    base = readers.object_name(str(part(job, "metadata").get("name")), length=37)
    for number, call in enumerate(calls, start=1):
        draft, name = Draft(Notes(source_of(job))), base if number == 1 else f"{base}-{number}"
        draft.notes.kept("becomes", f"PeriodicSchedule {name}")
        place_schedule(draft, job, call)
        state.schedules.append(manifest("PeriodicSchedule", name, namespace_of(job), draft.spec))
        state.notes += draft.notes.entries
    if not calls:
        said = "does not send a task with celery call; keep it as it is."
        state.notes.append(Note(Verdict.KEPT, source_of(job), "object", said))


def _brokers(state: _State) -> list[Object]:
    """One Broker for each broker of a namespace; the first is called default, which pools need not name.

    A pool without a broker URL gets the first of its namespace.
    """
    made: dict[tuple[str | None, str], tuple[str, Object]] = {}
    for pool in sorted(state.pools, key=lambda one: one.broker is None):
        namespace = pool.workload.namespace
        own = [entry for (at, _), entry in made.items() if at == namespace]
        key = (namespace, same_place(pool.broker, pool.variables))
        if pool.broker is None and own:
            made.setdefault(key, own[0])
            said = f"the input has no broker URL: check that the worker uses that of Broker {own[0][0]}."
            pool.draft.notes.by_hand("broker", said)
        elif key not in made:
            made[key] = _new_broker(pool, "default" if not own else f"broker-{len(own) + 1}")
        name, _ = made[key]
        pool.draft.notes.kept("broker", f"Broker {name}")
        if name != "default":
            pool.draft.spec["brokerRef"] = {"name": name}
    unique = {(at, name): broker for (at, _), (name, broker) in made.items()}
    return list(unique.values())


def _new_broker(pool: Pool, name: str) -> tuple[str, Object]:
    notes, found = pool.draft.notes, pool.broker
    own = SecretKey(f"{name}-broker", "password")
    parts = broker_by_parts(found.text, pool.variables, own) if found is not None else None
    secret = found.secret if found and found.secret else SecretKey(f"{name}-broker", KEY)
    if found is not None and parts is not None:
        broker_parts_notes(notes, found, parts, pool.variables)
    else:
        broker_notes(notes, found, secret, pool.variables)
    notes.changed(
        "visibility_timeout",
        "1h, the default of kombu; if the app sets another, set the Broker's visibilityTimeout.",
    )
    by_url = {"urlSecretRef": {"name": secret.name, "key": secret.key}}
    external = by_url if parts is None else parts.address
    return name, manifest("Broker", name, pool.workload.namespace, {"external": external})


def _task_queues(state: _State) -> Iterator[Object]:
    """A TaskQueue for each queue that a worker names, so that it is observed and can be purged."""
    made: set[tuple[str | None, str, str]] = set()
    names: set[tuple[str | None, str]] = set()
    for pool in state.pools:
        namespace, broker = pool.workload.namespace, part(pool.draft.spec, "brokerRef").get("name", "default")
        for queue in pool.draft.spec.get("queues", []):
            if (namespace, broker, queue) in made:
                continue
            made.add((namespace, broker, queue))
            # Two queues may have one name in small letters.
            base = readers.object_name(queue, length=37)
            choices = (base, *(f"{base}-{number}" for number in range(2, 100)))
            name = next(one for one in choices if (namespace, one) not in names)
            names.add((namespace, name))
            spec: Object = {} if name == queue else {"queueName": queue}
            if broker != "default":
                spec["brokerRef"] = {"name": broker}
            yield manifest("TaskQueue", name, namespace, spec)


def _scaled_jobs(cluster: Cluster) -> list[Note]:
    said = "write its Celery worker as a Deployment first; a pool with autoscale never stops a busy pod."
    return [Note(Verdict.LOST, source_of(one), "ScaledJob", said) for one in cluster.scaled_jobs]
