"""Settings of workloads outside of their pods, and where each belongs. A new field is one line here."""

from taskfleet.convert.behavior import read_behavior
from taskfleet.convert.draft import Dropped, Field, Missing, Table
from taskfleet.convert.notes import Verdict
from taskfleet.convert.rollout import read_budget, read_strategy

_AS_IT_IS = "fixed by the operator"

SETTINGS: Table = {
    "launcher": Field("launcher"),
    "otherCommand": Missing("a pool starts only the worker: move this command to a sidecar or a Deployment."),
    "disruptionBudget": Field(
        "disruptionBudget", read_budget, "delete this one: two budgets for the same pods block evictions"
    ),
    "strategy": Field("strategy", read_strategy),
    "updateStrategy": Missing("pods of a pool have no order: set spec.strategy, as in a Deployment."),
    "minReadySeconds": Dropped("a worker is available as soon as it consumes."),
    "progressDeadlineSeconds": Dropped(f"{_AS_IT_IS}: 600."),
    "revisionHistoryLimit": Dropped(f"{_AS_IT_IS}: 2."),
    "paused": Dropped("use spec.suspend: true to keep a pool at zero pods."),
    "podManagementPolicy": Missing("pods of a pool start in parallel."),
    "serviceName": Missing("pods of a pool have no DNS names."),
    "volumeClaimTemplates": Missing(
        "pods of a pool share the volumes of the template; there is no volume per pod."
    ),
    "behavior": Field("autoscale.behavior", read_behavior, "a busy pod is never stopped"),
    "beat.image": Missing("beat uses the pool's image."),
    "beat.resources": Field("beat.resources"),
    "beat.env": Field("beat.env"),
    "beat.envFrom": Missing("beat uses the pool's envFrom."),
    "beat.template": Missing("beat uses the pool's template."),
    "beat.launcher": Field("beat.launcher"),
    "restart": Dropped("the kubelet restarts a container whenever it exits.", Verdict.KEPT),
    "healthcheck": Dropped("replaced with the operator's probes."),
    "build": Dropped("build and push the image yourself."),
    "depends_on": Dropped("a worker waits for its broker."),
    "container_name": Dropped("pods are named after their pool."),
    "hostname": Dropped("pods are named after their pool."),
    "networks": Dropped(
        "pods of a cluster can connect to each other; restrict this with spec.networkPolicy."
    ),
    "ports": Dropped("a worker needs no ports."),
    "expose": Dropped("a worker needs no ports."),
    "logging": Dropped("a worker logs to standard output."),
    "labels": Dropped("these are labels of Docker; set labels of pods in spec.template.metadata.labels."),
    "profiles": Dropped("apply only the manifests that you need."),
    "pull_policy": Dropped("set spec.template.spec.containers[worker].imagePullPolicy."),
    "init": Dropped("not needed: the worker reaps its children.", Verdict.KEPT),
    "tty": Dropped("a worker needs no terminal.", Verdict.KEPT),
    "stdin_open": Dropped("a worker needs no terminal.", Verdict.KEPT),
    "platform": Dropped("set spec.template.spec.nodeSelector with kubernetes.io/arch."),
    "Type": Dropped("not needed: the kubelet watches the process.", Verdict.KEPT),
    "Restart": Dropped("the kubelet restarts a container whenever it exits.", Verdict.KEPT),
    "RestartSec": Dropped("the kubelet increases the delay with each restart, up to 5 minutes."),
    "User": Dropped(
        "the image's user applies; set another as a number in template.spec.securityContext.runAsUser."
    ),
    "Group": Dropped(
        "the image's group applies; set another as a number in template.spec.securityContext.runAsGroup."
    ),
    "WorkingDirectory": Dropped("a directory of the host: the image's WORKDIR applies."),
    "ExecStop": Dropped("not needed: on TERM the worker finishes its tasks."),
    "ExecReload": Dropped("a new image replaces the pods after they finish their tasks."),
    "PIDFile": Dropped("a container does not need one.", Verdict.KEPT),
    "RuntimeDirectory": Dropped("a container has its own /run.", Verdict.KEPT),
    "LogsDirectory": Dropped("a worker logs to standard output: use kubectl logs."),
    "StandardOutput": Dropped("a worker logs to standard output: use kubectl logs."),
    "StandardError": Dropped("a worker logs to standard output: use kubectl logs."),
    "SyslogIdentifier": Dropped("kubectl logs shows the pod's name."),
    "KillMode": Dropped("TERM is sent to the worker's main process only."),
    "KillSignal": Dropped("TERM, which is Celery's warm shutdown."),
    "user": Dropped(
        "the image's user applies; set another as a number in template.spec.securityContext.runAsUser."
    ),
    "directory": Dropped("a directory of the host: the image's WORKDIR applies."),
    "autostart": Dropped("a pool starts when it is applied.", Verdict.KEPT),
    "autorestart": Dropped("the kubelet restarts a container whenever it exits.", Verdict.KEPT),
    "startsecs": Dropped("the readiness probe reports when the worker has started."),
    "startretries": Dropped("the kubelet keeps restarting it, with increasing delays."),
    "stopsignal": Dropped("TERM, which is Celery's warm shutdown."),
    "killasgroup": Dropped("all processes of a container end with it.", Verdict.KEPT),
    "stopasgroup": Dropped("TERM is sent to the worker's main process only."),
    "redirect_stderr": Dropped("a worker logs to standard output.", Verdict.KEPT),
    "priority": Dropped("a worker waits for its broker."),
    "process_name": Dropped("pods are named after their pool."),
}
"""Each setting by the name that its form gives it; those that are ours (launcher, beat.env) by the field they would be."""

_LOG_FILES = ("stdout_", "stderr_", "std")


def other_setting(name: str) -> Table:
    """Where a setting belongs that is in no table: it is reported, never dropped silently."""
    if name.startswith(_LOG_FILES):
        return {name: Dropped("a worker logs to standard output: use kubectl logs.")}
    return {name: Missing("no field is known for it: check whether it still matters.")}
