"""`completion`: the script that a shell needs."""

import click
from click.shell_completion import get_completion_class

from taskfleet.cli.command import Command

# click's own; the script sets it.
COMPLETE_VARIABLE = "_TASKFLEET_COMPLETE"


@click.command(
    cls=Command,
    examples=[
        'eval "$({program} completion bash)"     # in ~/.bashrc; zsh: in ~/.zshrc',
        "{program} completion fish | source      # in ~/.config/fish/config.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script with which a shell completes `taskfleet`."""
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "taskfleet", COMPLETE_VARIABLE).source())
    return 0
