"""How soon a beat gets a successor when its node is lost. Pure."""

from taskfleet.api import Object

# Kubernetes itself waits for 300 s. Two beats on one Redis do no harm: one of them holds the lock that lets it send.
_SECONDS = 60
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def with_prompt_eviction(template: Object) -> Object:
    """A pod template that stays on a lost node for a minute, where its user says nothing about that."""
    spec = template["spec"]
    given = spec.get("tolerations") or []
    # A toleration without a key tolerates every taint.
    decided = {one.get("key") for one in given if one.get("effect") in (None, "", "NoExecute")}
    ours = [
        {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _SECONDS}
        for taint in _TAINTS
        if not {taint, None, ""} & decided
    ]
    return {**template, "spec": {**spec, "tolerations": [*given, *ours]}} if ours else template
