"""Rejections of a child, in terms of the fields that the user wrote."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from taskfleet.api import Object
from taskfleet.kube.errors import InvalidError
from taskfleet.resources.refusals import Written, in_users_words, peers_in_users_words


@contextmanager
def in_words_of(built: Object, written: Written) -> Iterator[None]:
    """An InvalidError within names the user's fields."""
    with _translated(lambda message: in_users_words(message, built, written)):
        yield


@contextmanager
def in_words_of_policy(built: Object | None, admit: Sequence[Object], field: str) -> Iterator[None]:
    """As `in_words_of`, for a NetworkPolicy that ends with the peers of the user's `field`."""
    ingress = built["spec"]["ingress"] if built is not None else []
    peers = ingress[0]["from"] if ingress else []
    before = len(peers) - len(admit)
    with _translated(lambda message: peers_in_users_words(message, field, before=before)):
        yield


@contextmanager
def _translated(translate: Callable[[str], str]) -> Iterator[None]:
    try:
        yield
    except InvalidError as error:
        raise InvalidError(error.status, error.reason, translate(error.message)) from error
