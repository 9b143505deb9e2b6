"""The broker behind a worker's variables: a Broker that names a Secret, and the command that creates the Secret."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from taskfleet.convert.address_parts import REFERENCE, Parts, parts_notes
from taskfleet.convert.celery_options import Option
from taskfleet.convert.environment import SecretKey, Variable
from taskfleet.convert.notes import Notes

# Celery's own, in the order in which they win; then the names that apps use for it.
_URL_VARIABLES = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "BROKER_URL", "CELERY_BROKER")
_URL = re.compile(r"(rediss?|sentinel|amqps?|pyamqp|valkeys?|sqs|redis\+socket)://")
_SUPPORTED = frozenset({"redis", "rediss", "sentinel", "amqp", "amqps", "pyamqp"})
_PART = re.compile(
    r"(?P<owner>.*?(?P<kind>CELERY_BROKER|BROKER|REDIS|VALKEY|RABBITMQ|RABBIT|AMQP)(?:_\w+?)??)_"
    r"(?P<part>HOST|HOSTNAME|SERVER|PORT|USER|USERNAME|PASS|PASSWORD|DB|DATABASE|VHOST|SSL|TLS|USE_SSL|USE_TLS)"
)
_ROLES = {
    "HOSTNAME": "HOST",
    "SERVER": "HOST",
    "USERNAME": "USER",
    "PASS": "PASSWORD",
    "VHOST": "DB",
    "DATABASE": "DB",
    "SSL": "TLS",
    "USE_SSL": "TLS",
    "USE_TLS": "TLS",
}
_DATABASE = re.compile(
    r"(?P<server>rediss?://[^/?#;]+)/?(?P<database>1[0-5]|[0-9])?"
)  # as resultBackend allows
# Names of other uses of the same kind of server.
_NO_BROKER = re.compile(r"RESULT|CACHE|SESSION|CHANNEL|LOCK")
# Names of passwords that are rotated, such as the tokens of a cloud's IAM.
_TOKEN = re.compile(r"(REDIS|VALKEY|BROKER|RABBIT|AMQP)\w*TOKEN")
KEY = "url"


@dataclass(frozen=True)
class BrokerUrl:
    """A broker's URL: the key of an existing Secret, or a text for a new Secret."""

    subject: str  # the setting that names it
    secret: SecretKey | None = None
    text: str | None = None  # may hold $(NAME) of variables
    written: str | None = None  # the text as the input has it, unless it was put together here
    certain: bool = True  # whether Celery itself reads it; otherwise only the app may


def find_broker_url(options: Sequence[Option], variables: Mapping[str, Variable]) -> BrokerUrl | None:
    """The broker of a worker by its command and variables; None where they do not name one."""
    given = next((option for option in options if option.name == "--broker" and option.value), None)
    if given is not None:
        return BrokerUrl("-b", text=given.value, written=given.value)
    for name in _URL_VARIABLES:
        if (found := variables.get(name)) is not None:
            return BrokerUrl(f"env {name}", found.secret, found.value, found.value)
    for name, variable in variables.items():
        if variable.value is not None and _URL.match(variable.value) and not _NO_BROKER.search(name):
            return BrokerUrl(f"env {name}", text=variable.value, written=variable.value, certain=False)
    return _of_parts(variables) or _secret_url(variables)


def _secret_url(variables: Mapping[str, Variable]) -> BrokerUrl | None:
    for name, variable in variables.items():
        if variable.secret and re.search(r"(REDIS|AMQP|RABBITMQ|VALKEY)_URL$", name):
            return BrokerUrl(f"env {name}", variable.secret, certain=False)
    return None


def _of_parts(variables: Mapping[str, Variable]) -> BrokerUrl | None:
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for name in variables:
        found = _PART.fullmatch(name)
        if found and not _NO_BROKER.search(name):
            role = _ROLES.get(found["part"], found["part"])
            groups.setdefault((found["owner"], found["kind"]), {})[role] = name
    # RabbitMQ first: where both exist, Redis is the cache or the result backend.
    for (_, kind), parts in sorted(groups.items(), key=lambda item: "RABBIT" not in item[0][1]):
        if "HOST" in parts:
            said = ", ".join(sorted(parts.values()))
            return BrokerUrl(f"env {said}", text=_url(kind, parts, variables), certain="BROKER" in kind)
    return None


def _url(kind: str, parts: Mapping[str, str], variables: Mapping[str, Variable]) -> str:
    given = {role: variables[name].value for role, name in parts.items()}
    rabbit = kind in ("RABBITMQ", "RABBIT", "AMQP") or given.get("PORT") in ("5671", "5672")
    tls = str(given.get("TLS")).lower() in ("1", "true", "yes", "on", "required")
    user = f"$({parts['USER']})" if "USER" in parts else ""
    password = f":$({parts['PASSWORD']})" if "PASSWORD" in parts else ""
    login = f"{user}{password}@" if user or password else ""
    port = f"$({parts['PORT']})" if "PORT" in parts else ("5672" if rabbit else "6379")
    database = f"$({parts['DB']})" if "DB" in parts else ("/" if rabbit else "0")
    return (
        f"{'amqp' if rabbit else 'redis'}{'s' if tls else ''}://{login}$({parts['HOST']}):{port}/{database}"
    )


def broker_parts_notes(
    notes: Notes, found: BrokerUrl, parts: Parts, variables: Mapping[str, Variable]
) -> None:
    """Note the fields of a Broker by parts, and the command that creates the Secret of its password."""
    parts_notes(notes, found.subject, "Broker", "broker", parts, written="://" in str(found.written))
    ref = parts.address.get("passwordSecretRef")
    if not found.certain:
        notes.by_hand(found.subject, "check that it is the broker's address: only the app's code knows.")
    if (tokens := _tokens(variables)) and ref is not None:
        said = f"env {', '.join(tokens)}"
        if parts.own_password:
            notes.by_hand(
                said, f"if it is the broker's password, write it to Secret {ref['name']} at each rotation."
            )
        else:
            notes.kept(said, "workers read a rotated password for each new connection.")


def _tokens(variables: Mapping[str, Variable]) -> list[str]:
    return [name for name in variables if _TOKEN.search(name)]


def broker_notes(
    notes: Notes, found: BrokerUrl | None, secret: SecretKey, variables: Mapping[str, Variable]
) -> None:
    """Note where the URL comes from, and how to create its Secret."""
    for name in _tokens(variables):
        ref = variables[name].secret
        where = f"{{name: {ref.name}, key: {ref.key}}}" if ref is not None else "the key that is rotated"
        notes.by_hand(
            f"env {name}",
            "the password is rotated: write the rest of the URL to spec.external of the Broker as scheme, host and so "
            f"on, with passwordSecretRef {where}, which workers read for each new connection.",
        )
    if found is not None and found.secret is not None:
        notes.kept(found.subject, f"Broker: urlSecretRef {secret.name}, key {secret.key}")
        if not found.certain:
            notes.by_hand(found.subject, "check that it is the broker's URL: only the app's code knows.")
        return
    if found is None or found.text is None:
        url = "redis://:PASSWORD@HOST:6379/0"
        notes.by_hand(
            "broker", f"the input has no broker URL. Create its Secret: {_command(secret, shlex.quote(url))}"
        )
        return
    scheme = found.text.partition("://")[0]
    if "://" in found.text and scheme not in _SUPPORTED:
        notes.lost(found.subject, f"{scheme}:// is not supported as a broker: use Redis or RabbitMQ.")
    elif scheme == "pyamqp":
        notes.changed(found.subject, "write the URL with amqp://, which is equivalent.")
    doubt = "" if found.certain else " Check that it is the broker's URL: only the app's code knows."
    command = _command(secret, _shell_url(found.text, variables))
    notes.by_hand(found.subject, f"create the Secret of the Broker: {command}{doubt}")
    if "?" in found.text:
        notes.by_hand(found.subject, "the Broker may reject the parameters after ?: use its fields instead.")
    notes.changed(found.subject, "the URL is read from a Secret; percent-encode special characters in it.")


def _command(secret: SecretKey, url: str) -> str:
    return f"kubectl create secret generic {secret.name} --from-literal={secret.key}={url}"


def _shell_url(text: str, variables: Mapping[str, Variable]) -> str:
    """The URL as a shell word. A password is read from its Secret, or left as a word to replace."""

    def filled(found: re.Match[str]) -> str:
        variable = variables.get(found[1])
        if variable is None or (variable.secret is None and variable.value is None):
            return found[1]
        if variable.secret is None:
            return "PASSWORD" if "PASS" in found[1] else str(variable.value)
        ref = variable.secret
        path = ref.key.replace(".", r"\.")
        return f"$(kubectl get secret {ref.name} -o jsonpath='{{.data.{path}}}' | base64 --decode)"

    return f'"{REFERENCE.sub(filled, _without_password(text))}"'


def _without_password(url: str) -> str:
    try:
        password = urlsplit(url).password
    except ValueError:
        return url
    if not password or "$" in password:
        return url
    return url.replace(f":{password}@", ":PASSWORD@", 1)


def database_beside(found: BrokerUrl | None, url: str | None) -> int | None:
    """The number of the Redis database that a result backend is, if all else of its URL is the broker's."""
    pieces = [_DATABASE.fullmatch(text) for text in (found.text if found else None, url) if text]
    if len(pieces) != 2 or (ours := pieces[0]) is None or (theirs := pieces[1]) is None:
        return None
    return int(theirs["database"] or 0) if ours["server"] == theirs["server"] else None


def same_place(found: BrokerUrl | None, variables: Mapping[str, Variable]) -> str:
    """Identifies a broker: two workers with the same value share a Broker."""
    if found is None:
        return ""
    if found.secret is not None:
        return f"{found.secret.name}/{found.secret.key}"
    values = {name: one.value for name, one in variables.items() if one.value is not None}
    return REFERENCE.sub(lambda match: str(values.get(match[1], match[0])), str(found.text))
