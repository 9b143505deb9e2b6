"""Names of objects as kubectl takes them: mail, wp/mail, workerpool/mail, workerpools/mail."""

from taskfleet.api import KINDS


def object_name(kind: str, value: str) -> str:
    """The name in `value`. Raises ValueError for another kind, or no name."""
    info = next(info for info in KINDS if info.kind == kind)
    prefix, _, name = value.rpartition("/")
    if prefix not in ("", *info.short_names, kind.lower(), info.plural) or not name:
        raise ValueError(f"invalid {kind} {value!r}: expected {info.short_names[0]}/NAME")
    return name
