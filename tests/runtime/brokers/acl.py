"""The commands that docs/how-to/external-redis.md gives for an ACL user, as a user would paste them."""

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "external-redis.md"


def acl_commands(*, user: str, password: str, database: int, prefix: str = "") -> list[list[str]]:
    """Words of each command, with the page's placeholders filled in."""
    block = re.search(r"```sh\nredis-cli (ACL SETUSER.*?)```", PAGE.read_text(), re.DOTALL)
    assert block is not None, f"{PAGE} has no block that begins with redis-cli ACL SETUSER"
    values = {"USER": user, "PASSWORD": password, "DB": str(database), "PREFIX": prefix}
    text = re.sub(r"\b(USER|PASSWORD|DB|PREFIX)\b", lambda match: values[match[1]], block[1])
    joined = text.replace("\\\n", " ")
    return [shlex.split(line) for line in joined.splitlines() if line.strip()]
