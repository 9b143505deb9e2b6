"""What only the operator sets of a worker's pod, and what other fields of a WorkerPool set of it."""

from functools import partial

from taskfleet.api import Object
from tests.envtest.rules.case import Case

OBJECT, STRING = (f'Invalid value: "{kind}": ' for kind in ("object", "string"))

_case = partial(Case, "WorkerPool")


WORDS, PROBE = ["x"], {"tcpSocket": {"port": 1}}


def _template(field: str, value: object, advice: str, where: str = "template") -> Case:
    """What only the operator sets; the same field of another container is the user's."""

    def with_container(name: str) -> Object:
        template = {"spec": {"containers": [{"name": name, field: value}]}}
        return {"template": template} if where == "template" else {"beat": {"template": template}}

    return _case(
        f"{field}-in-{where}",
        with_container("sidecar"),
        with_container("worker"),
        f"{where}.spec.containers",
        f"{OBJECT}{field} of the worker's pod is set by the operator: remove it; {advice}.",
    )


def _variable(name: str, advice: str, where: str = "template") -> Case:
    """What env refuses; in another container it is the user's."""

    def with_container(title: str) -> Object:
        env = [{"name": "MODE", "value": "1"}, {"name": name, "value": "1"}]
        template = {"spec": {"containers": [{"name": title, "env": env}]}}
        return {"template": template} if where == "template" else {"beat": {"template": template}}

    return _case(
        f"{name}-in-{where}",
        with_container("sidecar"),
        with_container("worker"),
        f"{where}.spec.containers[0].env",
        f"{OBJECT}{name} of the worker's container {advice}",
    )


CASES = (
    _variable("CELERY_WORKER_POOL", "is an option of Celery: remove it, and set pool."),
    _variable(
        "C_FORCE_ROOT",
        "lets a worker run as root: remove it, and set runAsUser in template.spec.securityContext to another user.",
    ),
    _variable(
        "CELERY_BEAT_SCHEDULER",
        "is an option of Celery: remove it, and set beat.scheduler.",
        where="beat.template",
    ),
    *(
        _template(field, value, advice, where)
        for where in ("template", "beat.template")
        for field, value, advice in (
            ("command", WORDS, "use launcher and python"),
            ("args", WORDS, "use the fields of the spec and extraArgs"),
            ("readinessProbe", PROBE, "the operator's probes know draining and long tasks"),
            ("livenessProbe", PROBE, "the operator's probes know draining and long tasks"),
            ("startupProbe", PROBE, "the operator's probes wait for the start"),
        )
    ),
    *(
        _case(
            f"grace-period-in-{where}",
            wrap({"spec": {"priority": 1}}),
            wrap({"spec": {"terminationGracePeriodSeconds": 60}}),
            f"{where}.spec.terminationGracePeriodSeconds",
            f"{OBJECT}terminationGracePeriodSeconds of the worker's pod is set by the operator: remove it; use "
            "terminationGracePeriod.",
        )
        for where, wrap in (
            ("template", lambda template: {"template": template}),
            ("beat.template", lambda template: {"beat": {"template": template}}),
        )
    ),
    _case(
        "setup-that-names-no-function",
        {"setup": ["shop.setup:prepare", "_setup:go"]},
        {"setup": ["shop.setup:prepare", "shop.setup"]},
        "setup[1]",
        f'{STRING}"shop.setup" is not the name of a function: use package.module:function.',
    ),
)
