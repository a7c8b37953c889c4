"""`remediator completion`: the script by which a shell completes commands, options, incidents and rules."""

from __future__ import annotations

import click

HOW = {
    "bash": 'in ~/.bashrc: eval "$(remediator completion bash)"',
    "zsh": 'in ~/.zshrc: eval "$(remediator completion zsh)"',
    "fish": "once: remediator completion fish > ~/.config/fish/completions/remediator.fish",
}


@click.command("completion", epilog="\b\n" + "\n".join(HOW.values()))
@click.argument("shell", type=click.Choice(list(HOW)))
def command(shell: str) -> None:
    """Print what makes a shell complete commands; incidents, rules and pauses are asked of the service."""
    from click.shell_completion import get_completion_class

    from remediator.cli import main

    found = get_completion_class(shell)
    assert found is not None, "click knows these shells"
    click.echo(found(main, {}, "remediator", "_REMEDIATOR_COMPLETE").source())
