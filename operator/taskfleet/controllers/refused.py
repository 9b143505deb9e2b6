"""Rejections of a child, in terms of the fields that the user wrote."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from taskfleet.api import Object
from taskfleet.api.network_policy import NetworkPolicy
from taskfleet.kube.errors import InvalidError
from taskfleet.resources.refusals import Written, in_users_words, peers_in_users_words


@contextmanager
def in_words_of(built: Object, written: Written) -> Iterator[None]:
    """An InvalidError within names the user's fields."""
    with _translated(lambda message: in_users_words(message, built, written)):
        yield


@contextmanager
def in_words_of_policy(built: Object | None, policy: NetworkPolicy | None, base: str) -> Iterator[None]:
    """As `in_words_of`, for a NetworkPolicy whose peers end with those of the user's `policy`, found at `base`."""
    peers = [peer for rule in built["spec"]["ingress"] for peer in rule["from"]] if built is not None else []
    before = len(peers) - (len(policy.admit) if policy is not None else 0)
    with _translated(lambda message: peers_in_users_words(message, f"{base}.admit", before=before)):
        yield


@contextmanager
def _translated(translate: Callable[[str], str]) -> Iterator[None]:
    try:
        yield
    except InvalidError as error:
        raise InvalidError(error.status, error.reason, translate(error.message)) from error
