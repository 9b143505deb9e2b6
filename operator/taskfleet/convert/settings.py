"""What workloads say beside their pods, and where each has its place. A field of its own is one line here."""

from taskfleet.convert.draft import Dropped, Missing, Table
from taskfleet.convert.notes import Verdict

_AS_IT_IS = "fixed by the operator"

SETTINGS: Table = {
    "launcher": Missing(
        "the pool starts its interpreter without it: mount a script as spec.python that ends in "
        '`exec python "$@"` and does the same first, or do it in an init container of the template.'
    ),
    "beside": Missing("a pool starts the worker alone: make a sidecar or a Deployment of it."),
    "disruptionBudget": Missing(
        "the pool has a budget of its own, 25% of its pods at once: delete this one, because two of them "
        "block evictions."
    ),
    "strategy": Missing(f"{_AS_IT_IS}: maxSurge 25%, maxUnavailable 0, new pods first."),
    "updateStrategy": Missing(f"{_AS_IT_IS}: maxSurge 25%, maxUnavailable 0, new pods first."),
    "minReadySeconds": Dropped("a worker is ready when it consumes; nothing waits longer."),
    "progressDeadlineSeconds": Dropped(f"{_AS_IT_IS}: 600."),
    "revisionHistoryLimit": Dropped(f"{_AS_IT_IS}: 2."),
    "paused": Dropped("spec.suspend: true keeps a pool at zero pods."),
    "podManagementPolicy": Missing("pods of a pool start together."),
    "serviceName": Missing("pods of a pool have no names of their own in DNS."),
    "volumeClaimTemplates": Missing(
        "pods of a pool share the volumes of the template: no pod has one of its own."
    ),
    "scaleUp": Missing("a pool grows at once to what its queues need."),
    "scaleDown": Missing("idle pods go together, and a busy one is never stopped."),
    "beat.image": Missing("beat runs the pool's image."),
    "beat.resources": Missing(
        "beat requests 10m CPU and 128Mi, without limits: a quota on limits refuses it."
    ),
    "beat.env": Missing("beat has the pool's variables."),
    "beat.envFrom": Missing("beat has the pool's sources of variables."),
    "beat.template": Missing("beat has the pool's template."),
    "beat.launcher": Missing("beat starts its interpreter without it."),
    "restart": Dropped("the kubelet starts a container again whenever it ends.", Verdict.KEPT),
    "healthcheck": Dropped("the operator's own probes take its place."),
    "build": Dropped("build and push the image yourself."),
    "depends_on": Dropped("a worker waits for its broker by itself."),
    "container_name": Dropped("pods are named after their pool."),
    "hostname": Dropped("pods are named after their pool."),
    "networks": Dropped("pods of a cluster reach each other; spec.networkPolicy admits by name."),
    "ports": Dropped("nobody has to reach a worker."),
    "expose": Dropped("nobody has to reach a worker."),
    "logging": Dropped("a worker logs to its container's output."),
    "labels": Dropped("labels of containers are for Docker; spec.template.metadata.labels is for pods."),
    "profiles": Dropped("apply what you need."),
    "pull_policy": Dropped("spec.template.spec.containers[worker].imagePullPolicy says it."),
    "init": Dropped("no init process is needed: the worker reaps its children itself.", Verdict.KEPT),
    "tty": Dropped("a worker needs no terminal.", Verdict.KEPT),
    "stdin_open": Dropped("a worker needs no terminal.", Verdict.KEPT),
    "platform": Dropped("spec.template.spec.nodeSelector with kubernetes.io/arch says it."),
    "Type": Dropped("the kubelet watches the process itself.", Verdict.KEPT),
    "Restart": Dropped("the kubelet starts a container again whenever it ends.", Verdict.KEPT),
    "RestartSec": Dropped("the kubelet waits longer with each restart, up to 5 minutes."),
    "User": Dropped("the image's user; template.spec.securityContext.runAsUser takes a number."),
    "Group": Dropped("the image's group; template.spec.securityContext.runAsGroup takes a number."),
    "WorkingDirectory": Dropped("a folder of the machine: the image's WORKDIR takes its place."),
    "ExecStop": Dropped("on TERM the worker drains by itself."),
    "ExecReload": Dropped("another image replaces the pods, with their tasks finished first."),
    "PIDFile": Dropped("a container needs none.", Verdict.KEPT),
    "RuntimeDirectory": Dropped("a container has its own /run.", Verdict.KEPT),
    "LogsDirectory": Dropped("a worker logs to its container's output: kubectl logs."),
    "StandardOutput": Dropped("a worker logs to its container's output: kubectl logs."),
    "StandardError": Dropped("a worker logs to its container's output: kubectl logs."),
    "SyslogIdentifier": Dropped("kubectl logs names the pod."),
    "KillMode": Dropped("TERM reaches the worker's main process alone."),
    "KillSignal": Dropped("TERM, which is Celery's warm shutdown."),
    "user": Dropped("the image's user; template.spec.securityContext.runAsUser takes a number."),
    "directory": Dropped("a folder of the machine: the image's WORKDIR takes its place."),
    "autostart": Dropped("a pool starts when it is applied.", Verdict.KEPT),
    "autorestart": Dropped("the kubelet starts a container again whenever it ends.", Verdict.KEPT),
    "startsecs": Dropped("the worker's readiness says when it has started."),
    "startretries": Dropped("the kubelet goes on trying, with longer waits."),
    "stopsignal": Dropped("TERM, which is Celery's warm shutdown."),
    "killasgroup": Dropped("a container's processes all end with it.", Verdict.KEPT),
    "stopasgroup": Dropped("TERM reaches the worker's main process alone."),
    "redirect_stderr": Dropped("a worker logs to its container's output.", Verdict.KEPT),
    "priority": Dropped("a worker waits for its broker by itself."),
    "process_name": Dropped("pods are named after their pool."),
}
"""Each setting by the name that its form gives it; those that are ours (launcher, beat.env) by the field they would be."""

_LOG_FILES = ("stdout_", "stderr_", "std")


def other_setting(name: str) -> Table:
    """The place of a setting that no table knows: it is named, never dropped."""
    if name.startswith(_LOG_FILES):
        return {name: Dropped("a worker logs to its container's output: kubectl logs.")}
    return {name: Missing("no field is known for it: see what of it still matters.")}
