"""Pull policies that the API server would derive from an image, named: one that it has derived stays when the image changes.

https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting
"""

from taskfleet.api import Object


def with_pull_policies(template: Object) -> Object:
    """The pod template with the policy that a new pod of it would have."""
    spec = dict(template["spec"])
    for name in ("initContainers", "containers"):
        if name in spec:
            spec[name] = [_with_policy(container) for container in spec[name] or []]
    return {**template, "spec": spec}


def _with_policy(container: Object) -> Object:
    if container.get("imagePullPolicy") or not container.get("image"):
        return container
    return {**container, "imagePullPolicy": _policy(str(container["image"]))}


def _policy(image: str) -> str:
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2] or ("" if digest else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"
