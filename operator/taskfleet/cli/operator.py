"""`taskfleet operator`: run the operator. Each of its settings is a flag."""

import sys
from functools import cached_property
from typing import Any

import click

from taskfleet.cli.command import Command


class OperatorCommand(Command):
    """Its options are those of the settings, which are read when they are needed: they load pydantic."""

    @cached_property
    def _settings(self) -> list[click.Parameter]:
        from taskfleet.config import Settings  # noqa: PLC0415 - see above

        return [
            _option(name, field.description or "", field.default)
            for name, field in Settings.model_fields.items()
            if field.validation_alias is None  # others come from the downward API only
        ]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*self._settings, *super().get_params(ctx)]


def _option(name: str, description: str, default: object) -> click.Option:
    """Values are texts; the settings check them, as they check variables."""
    if name == "namespaces":
        return click.Option(["--namespace", name], multiple=True, help=f"{description} Repeatable.")
    shown = "none" if default in ("", []) else default
    return click.Option([f"--{name.replace('_', '-')}", name], help=f"{description} Default: {shown}.")


@click.command(
    cls=OperatorCommand,
    examples=[
        "{program} operator --namespace shop --namespace billing --log-format console",
        "TASKFLEET_HTTP_PORT=9090 {program} operator",
    ],
)
def operator(**given: Any) -> int:
    """Run the operator. Flags win over TASKFLEET_* variables."""
    from pydantic import ValidationError  # noqa: PLC0415 - takes long to import

    from taskfleet.config import Settings  # noqa: PLC0415 - as above

    settled: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value not in (None, ())
    }
    try:
        settings = Settings(**settled)
    except ValidationError as error:
        first = error.errors()[0]
        sys.stderr.write(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}, but it is {first['input']!r}.\n"
        )
        return 2
    import asyncio  # noqa: PLC0415 - as above

    from taskfleet import app, logging  # noqa: PLC0415 - as above

    logging.configure(form=settings.log_format, level=settings.log_level)
    asyncio.run(app.run(settings))
    return 0
