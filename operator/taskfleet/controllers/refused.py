"""Rejections of a child, in terms of the fields that the user wrote."""

from collections.abc import Iterator
from contextlib import contextmanager

from taskfleet.api import Object
from taskfleet.kube.errors import InvalidError
from taskfleet.resources.refusals import Written, in_users_words


@contextmanager
def in_words_of(built: Object, written: Written) -> Iterator[None]:
    """An InvalidError within names the user's fields."""
    try:
        yield
    except InvalidError as error:
        said = in_users_words(error.message, built, written)
        raise InvalidError(error.status, error.reason, said) from error
