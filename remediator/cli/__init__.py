"""The command line. Each command is a module, imported when it is called, so that `--help` and `version` are quick."""

from __future__ import annotations

import importlib

import click

from remediator import __version__

COMMANDS = {
    "run": "the service: webhook, controller, metrics",
    "incidents": "what is open, and what each incident waits for",
    "explain": "why something was done, or not",
    "approve": "let a plan that waits be carried out",
    "deny": "let a plan that waits not be carried out",
    "pause": "stop everything, or a rule, namespace or target; list what stands still",
    "resume": "let what was paused go on",
    "check": "every error of rule and settings files at once",
    "test": "play rule tests over virtual time and a simulated cluster",
    "plan": "what would be done now, and why not",
    "backtest": "how often rules would have fired over the past, and what would have held them back",
    "rbac": "the least roles that settings and rules need",
    "schema": "JSON Schema of rule, settings and test files, for editors",
    "audit": "export, verify and anchor the journal",
    "completion": "what makes a shell complete commands, incidents and rules",
    "demo": "three incidents play on a simulated cluster",
}
"""Every command with its line in `--help`; `remediator/cli/NAME.py` holds `command`, if not in `ELSEWHERE`."""

ELSEWHERE = {"approve": "answer:approve", "deny": "answer:deny", "resume": "pause:resume"}
"""Commands that share a module: `module:attribute`."""


class Commands(click.Group):
    """A group that knows its commands by name and loads one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The named command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = ELSEWHERE.get(cmd_name, f"{cmd_name}:command").partition(":")
        return getattr(importlib.import_module(f"remediator.cli.{module}"), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="remediator")
def main() -> None:
    """Guarded, audited auto-remediation for Kubernetes. Begin with: remediator demo."""
