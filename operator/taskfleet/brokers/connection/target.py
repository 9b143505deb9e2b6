"""Where a broker is and how to connect to it, from its URL and its Secrets. Pure."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, unquote, urlsplit

SENTINEL = "sentinel"
AMQP = frozenset({"amqp", "amqps"})
ENCRYPTED = frozenset({"rediss", "amqps"})
_DEFAULT_PORTS = {SENTINEL: 26379, "amqp": 5672, "amqps": 5671}
_DEFAULT_PORT = 6379
_LONGEST_HOST = 253
_LABEL = re.compile(r"[a-zA-Z0-9_-]{1,63}")


@dataclass(frozen=True)
class Tls:
    """How a server proves who it is, and we who we are. All texts are PEM; None: the system's CAs, no certificate."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = field(default=None, repr=False)
    verify: bool = True


@dataclass(frozen=True)
class Sentinels:
    """Redis Sentinels, which report the master. `password` is their own."""

    master_name: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Target:
    """A Redis, the Sentinels before it, or a RabbitMQ. With `tls` every one of these servers speaks it.

    `vhost` is RabbitMQ's, None where the target is none.
    """

    hosts: tuple[tuple[str, int], ...]
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    sentinels: Sentinels | None = None
    vhost: str | None = None
    # Whose pods connect to it, and know the Services there by their names alone.
    namespace: str = ""

    @property
    def endpoint(self) -> str:
        """Host and port of each server, to be shown."""
        return ", ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)


def target_of(url: str, *, tls: Tls | None = None, sentinels: Sentinels | None = None) -> Target:
    """The target of a URL that Celery can use, several Sentinels separated by `;`. Raises ValueError for others."""
    parts = [urlsplit(part) for part in url.split(";")]
    first = parts[0]
    amqp = first.scheme in AMQP
    database = "" if amqp else first.path.strip("/")
    return Target(
        hosts=tuple((unquote(part.hostname or ""), port_of(part)) for part in parts),
        database=int(database) if database else 0,
        username=unquote(first.username or "") or None,
        password=unquote(first.password or "") or None,
        tls=tls,
        sentinels=sentinels,
        # As kombu reads it: what comes after the first slash.
        vhost=unquote(first.path[1:]) or "/" if amqp else None,
    )


def is_host(text: str) -> bool:
    """Whether a text can be a host: an address, or a name of parts with at most 63 characters each."""
    address, has_zone, zone = text.partition("%")
    try:
        found = ip_address(address)
    except ValueError:
        return len(text) <= _LONGEST_HOST and all(
            _LABEL.fullmatch(label) for label in text.removesuffix(".").split(".")
        )
    return not has_zone or (found.version == 6 and _LABEL.fullmatch(zone) is not None)


def port_of(part: SplitResult) -> int:
    """The port of a URL, or its scheme's. Raises ValueError for an invalid port."""
    return part.port or _DEFAULT_PORTS.get(part.scheme, _DEFAULT_PORT)


def url_of(
    scheme: str, *hosts: str, port: int | None = None, username: str = "", password: str = "", path: str = ""
) -> str:
    """The URL of parts that are as they are: the database or virtual host is `path`, several hosts are Sentinels.
    Workers make the same one (worker-image/taskfleet_worker/address_parts.py)."""
    login = f"{quote(username, safe='')}:{quote(password, safe='')}@" if password else ""
    rest = f"{f':{port}' if port is not None else ''}/{quote(path, safe='')}"
    return ";".join(f"{scheme}://{login}{f'[{host}]' if ':' in host else host}{rest}" for host in hosts)
