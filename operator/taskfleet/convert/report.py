"""The report as text, sorted by source and then by heading. Notes that all pools share appear once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from taskfleet.convert.notes import Note, Verdict

_ORDER = (Verdict.BY_HAND, Verdict.LOST, Verdict.CHANGED, Verdict.KEPT)
_ALL = "every WorkerPool"


def report_text(notes: Sequence[Note]) -> str:
    """Each source with its notes. Notes that require an action come first."""
    gathered = _gathered(notes)
    sources = list(dict.fromkeys(note.source for note in gathered))
    parts = [_of_source(source, [note for note in gathered if note.source == source]) for source in sources]
    return "\n".join([*parts, _summary(gathered)])


def _gathered(notes: Sequence[Note]) -> list[Note]:
    """The notes; those that all of several pools share come first, once."""
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
    return f"Total: {', '.join(counts)}.\n"
