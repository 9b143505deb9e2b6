"""The report as text: by source, and within it by verdict. What all pools have in common is said once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from taskfleet.convert.notes import Note, Verdict

_ORDER = (Verdict.BY_HAND, Verdict.LOST, Verdict.CHANGED, Verdict.KEPT)
_ALL = "every WorkerPool"


def report_text(notes: Sequence[Note]) -> str:
    """What was read, with what became of each thing. What needs an action comes first."""
    told = _gathered(notes)
    sources = list(dict.fromkeys(note.source for note in told))
    parts = [_of_source(source, [note for note in told if note.source == source]) for source in sources]
    return "\n".join([*parts, _summary(told)])


def _gathered(notes: Sequence[Note]) -> list[Note]:
    """The notes, with those that are the same for each of several pools once, at the beginning."""
    pools = {
        note.source for note in notes if note.subject == "becomes" and note.text.startswith("WorkerPool")
    }
    if len(pools) < 2:
        return list(notes)
    sources: dict[Note, set[str]] = {}
    for note in notes:
        sources.setdefault(replace(note, source=_ALL), set()).add(note.source)
    common = [note for note, among in sources.items() if pools <= among]
    others = [note for note in notes if note.source not in pools or replace(note, source=_ALL) not in common]
    return [*common, *others]


def _of_source(source: str, notes: Sequence[Note]) -> str:
    lines = [source]
    for verdict in _ORDER:
        own = [note for note in notes if note.verdict is verdict]
        if own:
            lines += [f"  {verdict}:", *_lines(own)]
    return "\n".join([*lines, ""])


def _lines(notes: Iterable[Note]) -> list[str]:
    return [f"    {note.subject}: {note.text}" for note in notes]


def _summary(notes: Sequence[Note]) -> str:
    counts = [f"{sum(note.verdict is verdict for note in notes)} {verdict}" for verdict in reversed(_ORDER)]
    return f"In all: {', '.join(counts)}.\n"
