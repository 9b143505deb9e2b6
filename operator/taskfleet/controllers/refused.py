"""Rejections of a child, in terms of the fields that the user wrote."""

from collections.abc import Iterator
from contextlib import contextmanager

from taskfleet.api import Object
from taskfleet.controllers.plan import WrittenPolicy
from taskfleet.kube.errors import InvalidError
from taskfleet.resources.refusals import Written, in_users_words, peers_in_users_words


@contextmanager
def in_words_of(built: Object, written: Written | WrittenPolicy | None) -> Iterator[None]:
    """An InvalidError within names the user's fields; None: there are none."""
    try:
        yield
    except InvalidError as error:
        if written is None:
            raise
        raise InvalidError(error.status, error.reason, _translated(error.message, built, written)) from error


def _translated(message: str, built: Object, written: Written | WrittenPolicy) -> str:
    if isinstance(written, Written):
        return in_users_words(message, built, written)
    peers = [peer for rule in built["spec"]["ingress"] for peer in rule["from"]]
    before = len(peers) - (len(written.policy.admit) if written.policy is not None else 0)
    return peers_in_users_words(message, f"{written.base}.admit", before=before)
