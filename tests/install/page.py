"""The commands of docs/how-to/install.md, by section."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/how-to/install.md"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"(<!-- nodes -->\n)?```sh\n(.*?)```", re.DOTALL)


def commands(text: str, section: str, *, nodes: bool) -> str:
    """The blocks of a section as one script; those that need nodes only on request."""
    parts = _SECTION.split(text)
    blocks = _BLOCK.findall(dict(zip(parts[1::2], parts[2::2], strict=True))[section])
    return "".join(block for needs_nodes, block in blocks if nodes or not needs_nodes)


def at(script: str, names: dict[str, str]) -> str:
    """The script with other names: where one begins with another, the longer one counts."""
    found = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(found, lambda match: names[match[0]], script)
