"""When the Secrets of an external broker have changed, so that its workers have to take up the new content. Pure.

What says so is the version that Kubernetes gives to an object: a digest of a password would be a way to guess it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from taskfleet.api import Credentials, External, Object
from taskfleet.brokers.connection.target import Target
from taskfleet.controllers.broker_keys import followed_secret_names

ADDRESS = "external/address"  # the slash keeps it apart from the name of a Secret


def versions_of(external: External, secrets: Mapping[str, Object | None], target: Target) -> dict[str, str]:
    """The resourceVersion of each Secret that a worker reads once, and the address of a broker by parts.

    User name and password of a broker by parts are read for each connection. Their Secret may change every minute.
    """
    found = {name: secrets.get(name) for name in followed_secret_names(external)}
    versions = {
        name: secret["metadata"]["resourceVersion"] for name, secret in found.items() if secret is not None
    }
    if external.scheme is None or not external.sources():
        return versions
    return {**versions, ADDRESS: f"{target.endpoint}/{target.vhost or target.database}"}


def followed_target(external: External, target: Target) -> Target:
    """The target as far as a change of it rolls workers."""
    return target if external.scheme is None else replace(target, username=None, password=None)


@dataclass(frozen=True)
class Followed:
    """What the status was last meant to say, and what the Secrets led to then. Kept in memory and nowhere else."""

    credentials: Credentials
    target: Target


def follow(
    status: Credentials | None,
    known: Followed | None,
    versions: dict[str, str],
    target: Target,
    *,
    answers: bool,
) -> tuple[Credentials | None, Followed | None]:
    """What the status should say, and what to remember.

    A status that is older than what is remembered has not been written or not been read yet. `answers`: as in
    `_followed`.
    """
    before = status
    if status is not None and status.secrets != versions and known is not None:
        before = known.credentials
    same_content = known is not None and known.target == target and known.credentials == before
    after = _followed(before, versions, same_content=same_content, answers=answers)
    if after is not None and after.secrets == versions:
        known = Followed(after, target)
    return after, known


def _followed(
    before: Credentials | None, versions: dict[str, str], *, same_content: bool, answers: bool
) -> Credentials | None:
    """What the status should say.

    `same_content`: it is known that only labels and the like have changed. `answers`: the broker takes the new content;
    until then workers keep what they have, which may still work.
    """
    if before is None or before.secrets.keys() != versions.keys():
        # The first read, or other Secrets: that is another spec, which rolls the workers by itself.
        return Credentials(secrets=versions, version=before.version if before is not None else None)
    if before.secrets == versions:
        return before
    if same_content:
        return Credentials(secrets=versions, version=before.version)
    if not answers:
        return before
    return Credentials(secrets=versions, version=",".join(f"{name}:{v}" for name, v in versions.items()))
