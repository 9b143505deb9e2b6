"""What may stand for an object's name. A name becomes a part of the API server's paths, so it is checked twice: by a
rule of the CRD, and where the path is built, because stored objects may be older than the rule.
"""

import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
MAX_NAME = 253

NAME_PATTERN = rf"^{_LABEL}([.]{_LABEL})*$"
"""A DNS subdomain (RFC 1123), which is what Kubernetes takes as a name of nearly all kinds, and of all that we use:
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/. Matches in linear time in RE2, which CEL uses.
"""

KEY_PATTERN = "^[-._a-zA-Z0-9]+$"
"""A key of a Secret's or ConfigMap's data: https://kubernetes.io/docs/concepts/configuration/secret/."""

# The same language as NAME_PATTERN, written so that Python's engine has nothing to try again.
_NAME = re.compile(r"(?:[a-z0-9]+(?:-+[a-z0-9]+)*)(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*")


def is_object_name(text: str) -> bool:
    """Whether `text` can be an object's name."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None
