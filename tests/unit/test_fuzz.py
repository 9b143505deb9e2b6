"""A short fuzzing of each parser with a fixed seed; `make fuzz` goes on for an hour, led by coverage."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[1] / "fuzz/corpus"
SECONDS = 5.0
MOST = 20_000  # so that a fast machine tries the same as a slow one, and is done sooner
_TOKENS = (
    *(
        b"Infinity",
        b"NaN",
        b"-0",
        b"1e999",
        b"null",
        b"true",
        b'"',
        b"[",
        b"]",
        b"{",
        b"}",
        b":",
        b",",
        b"\\u0000",
    ),
    *(
        b"\r\n",
        b"*",
        b"$",
        b"%",
        b"\x00",
        b"\xff",
        b"\xc0\x80",
        b"..",
        b"/",
        b"%2e",
        b"://",
        b"@",
        b";",
        b"#",
        b".",
    ),
    *(b"9" * 19, b"9" * 400, b"9" * 5000, b"[" * 2000, b"a." * 200, b"\x1b[31m", "\u202e".encode()),
)


def mutations(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """The seeds, and then without end what comes of cutting, doubling, mixing and sprinkling them."""
    yield from seeds
    while True:
        text = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 6)):
            at, to = sorted(chance.randint(0, len(text)) for _ in range(2))
            match chance.randrange(6):
                case 0:
                    del text[at:to]
                case 1:
                    text[at:at] = text[at:to]
                case 2:
                    text[at:to] = chance.choice(seeds)[: chance.randint(0, 40)]
                case 3:
                    text[at:at] = chance.choice(_TOKENS)
                case 4 if text:
                    text[at % len(text)] = chance.randrange(256)
                case _:
                    text[at : at + 1] = chance.randbytes(chance.randint(0, 3))
        yield bytes(text[:100_000])


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_break_a_parser(name: str) -> None:
    seeds = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    assert seeds, f"add seeds to {CORPUS / name}"
    until = time.monotonic() + SECONDS
    longest = 0.0
    for tried, data in enumerate(mutations(seeds, random.Random(name))):
        began = time.thread_time()
        try:
            TARGETS[name](data)
        except Exception as error:
            error.add_note(f"found by {data[:2000]!r}")
            raise
        longest = max(longest, time.thread_time() - began)
        if tried >= MOST or time.monotonic() > until:
            break
    assert longest < 0.5, "ten times what a step may take"
