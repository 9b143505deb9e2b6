"""How much a server may answer. A broker belongs to a tenant, so nothing that it declares is believed: sizes are checked
before a parser sees them, because hiredis makes room for as many elements as an array says it has.
"""

import re
from collections.abc import Iterator

from redis.exceptions import RedisError

from taskfleet.brokers.untrusted import MAX_BYTES

MAX_ELEMENTS = 250_000
"""In all arrays of one answer. hiredis needs 5 ms for as many, and nothing else runs meanwhile."""

_MAX_DIGITS = 9
# RESP's arrays, maps, sets, pushes and attributes. Looked for anywhere, and not only at the start of a line: hiredis takes
# any two bytes for the end of a text. A text within a reply can look like a header. It counts as well, which does no harm
# to texts that are not made for it.
_HEADER = re.compile(rb"[*%~>|](\d{1,20})\r\n")
_LONGEST_HEADER = 23
_MARKS = (b"*", b"%", b"~", b">", b"|")
# For 340 KB of reports, with one header: 0.6 ms instead of 2.6 ms with the expression alone.
_FEW_MARKS = 200


class UnsafeReplyError(RedisError):
    """A server answers more than it may. The text is ours, and says how much."""


class ReplyGuard:
    """The bytes and the declared elements of one answer."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, max_elements: int = MAX_ELEMENTS) -> None:
        self._max_bytes = max_bytes
        self._max_elements = max_elements
        self._bytes = 0
        self._elements = 0
        self._end = b""  # of what was checked, as far as a header can begin there

    def receive(self, size: int) -> None:
        """Count bytes that have come. Raises UnsafeReplyError."""
        self._bytes += size
        if self._bytes > self._max_bytes:
            raise UnsafeReplyError(f"a reply is larger than {self._max_bytes // 1024} KiB")

    def check(self, data: bytes) -> None:
        """Count what the next bytes declare, before a parser gets them. Raises UnsafeReplyError."""
        text = self._end + data
        for header in _headers(text):
            if header.end() <= len(self._end):  # it was counted with the bytes before
                continue
            digits = header[1]
            self._elements += int(digits) if len(digits) <= _MAX_DIGITS else self._max_elements + 1
            if self._elements > self._max_elements:
                raise UnsafeReplyError(f"a reply has more than {self._max_elements} elements")
        self._end = text[-_LONGEST_HEADER:]


def _headers(text: bytes) -> Iterator[re.Match[bytes]]:
    """Whatever can be a header, in its order. An ordinary answer has next to none of their first characters."""
    if sum(map(text.count, _MARKS)) > _FEW_MARKS:
        return _HEADER.finditer(text)
    places = sorted(at for mark in _MARKS for at in _places(text, mark))
    return (header for at in places if (header := _HEADER.match(text, at)) is not None)


def _places(text: bytes, mark: bytes) -> Iterator[int]:
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + 1)
