"""When the Secrets of an external broker have changed, so that its workers have to take up the new content. Pure.

What says so is the version that Kubernetes gives to an object: a digest of a password would be a way to guess it.
"""

from collections.abc import Mapping

from taskfleet.api import Credentials, Object


def versions_of(secrets: Mapping[str, Object | None]) -> dict[str, str]:
    """The resourceVersion of each Secret that is there."""
    return {
        name: secret["metadata"]["resourceVersion"] for name, secret in secrets.items() if secret is not None
    }


def followed(
    before: Credentials | None, versions: dict[str, str], *, same_content: bool, answers: bool
) -> Credentials | None:
    """What the status should say.

    `same_content`: it is known that only labels and the like have changed. `answers`: the broker takes the new content;
    until then workers keep what they have, which may still work.
    """
    if before is None or before.secrets.keys() != versions.keys():
        # The first look, or other Secrets: that is another spec, which rolls the workers by itself.
        return Credentials(secrets=versions, version=before.version if before is not None else None)
    if before.secrets == versions:
        return before
    if same_content:
        return Credentials(secrets=versions, version=before.version)
    if not answers:
        return before
    return Credentials(secrets=versions, version=",".join(f"{name}:{v}" for name, v in versions.items()))
