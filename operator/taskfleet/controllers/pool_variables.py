"""Variables of the environment that would have set options of Celery, as the pods name them. Pure.

Those of `env` are refused when they are applied. Only a pod knows those of envFrom and of its image.
"""

from collections.abc import Iterable, Mapping

from taskfleet.api import Object, WorkerPool
from taskfleet.api.reasons import ConditionType, PoolReason
from taskfleet.controllers.conditions import condition

# The notes' first words, as in worker-image/taskfleet_worker/start/celery_main.py.
LEAD = "Environment variables of Celery options that are ignored; use the fields of the WorkerPool: "
_MOST = 20


def variables_applied(pool: WorkerPool, notes_by_pod: Mapping[str, Iterable[str]] | None) -> list[Object]:
    """The condition, while there are such variables. `notes_by_pod`: None or empty: nobody reports, so the last one holds."""
    if not notes_by_pod:
        before = pool.status.condition(ConditionType.VARIABLES_APPLIED)
        return [] if before is None else [before.to_object()]
    told = (note for notes in notes_by_pod.values() for note in notes if note.startswith(LEAD))
    names = sorted({name for note in told for name in note.removeprefix(LEAD).rstrip(".").split(", ")})
    if not names:
        return []
    message = (
        f"The image or envFrom sets variables that Celery would take for options: {', '.join(names[:_MOST])}. They are "
        "ignored. Use the fields of the WorkerPool, and remove the variables."
    )
    generation = pool.metadata.generation
    return [
        condition(
            ConditionType.VARIABLES_APPLIED,
            False,
            PoolReason.VARIABLES_IGNORED,
            message,
            generation=generation,
        )
    ]
