"""A decision of the scaling loop as a span: from the reading that it was made from until it was carried out. Pure."""

from taskfleet.api import Key
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.tracing.span import Span


def decision_span(
    pool: Key, decided: DecisionRecord, refusal: str | None, *, began: float, ended: float
) -> Span:
    """`refusal`: why it could not be carried out. Times are Unix seconds."""
    verdict, load, step = decided.verdict, decided.load, decided.step
    return Span(
        name=f"scale {pool.namespace}/{pool.name}",
        began=began,
        ended=max(began, ended),
        attributes={
            "k8s.namespace.name": pool.namespace,
            "taskfleet.pool": pool.name,
            "taskfleet.decision.reason": verdict.cause.value,
            "taskfleet.decision.message": verdict.sentence,
            "taskfleet.decision.pods": verdict.pods,
            "taskfleet.replicas.before": load.replicas,
            "taskfleet.replicas.after": step.replicas,
            "taskfleet.waiting": load.waiting,
            "taskfleet.running": load.running,
            "taskfleet.draining_pods": len(step.drain),
            "taskfleet.resumed_pods": len(step.resume),
        },
        error=refusal or "",
    )
