"""``python -m tests.lab up|status|down``: the lab for people."""

from __future__ import annotations

import argparse
import sys

from tests.lab import standing
from tests.lab.build import PROGRAMS, built, cache_folder
from tests.lab.errors import LabError
from tests.lab.locks import only_one
from tests.lab.packages import MONITORING, require
from tests.lab.progress import print_line
from tests.lab.standing import Standing

_COMMANDS = """commands:
  up         build what is missing, start all servers in the background, print where they are
  status     say what stands; exit code 1 where nothing does
  down       end it all
  build      build the Go programs only (ten minutes when cold)
  packages   install the Debian packages of the monitoring, or those named, with their services off
"""


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab",
        description="A real control plane with simulated nodes and monitoring, on loopback.",
        epilog=_COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=[*_ACTIONS, "keep", "packages"], metavar="COMMAND")
    parser.add_argument("names", nargs="*", metavar="PACKAGE", help="for packages: Debian package names")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "packages":
            return _packages(chosen.names or list(MONITORING))
        return _ACTIONS.get(chosen.command, _keep)()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; all that was started has been ended", file=sys.stderr)
        return 130


def _up() -> int:
    with only_one(cache_folder() / "up.lock", "a lab is being started", print_line):
        found = standing.find()
        if not found:
            _build()
            require(MONITORING, print_line)
            found = standing.start(print_line)
    _print(found)
    return 0


def _status() -> int:
    found = standing.find()
    if not found:
        print("lab: nothing stands for this checkout; start it with `python -m tests.lab up`")
        return 1
    _print(found)
    return 0


def _down() -> int:
    found = standing.find()
    if not found:
        print("lab: nothing stands for this checkout")
        return 0
    standing.stop(found)
    print("lab: ended")
    return 0


def _build() -> int:
    for program in PROGRAMS:
        built(program, print_line)
    return 0


def _packages(names: list[str]) -> int:
    require(names, print_line)
    print(f"lab: {', '.join(names)}: installed")
    return 0


def _keep() -> int:
    standing.keep()
    return 0


def _print(lab: Standing) -> None:
    rows = {
        "API server": lab.api_server,
        "Prometheus": lab.prometheus,
        "Alertmanager": lab.alertmanager,
        "exporter": lab.exporter,
        "kubectl": lab.kubectl,
        "logs": lab.logs,
        "processes": ", ".join(f"{name} {pid}" for name, pid in lab.servers.items()),
    }
    for name, value in rows.items():
        print(f"{name:<13} {value}")
    print(f"\nexport KUBECONFIG={lab.kubeconfig}")


_ACTIONS = {"up": _up, "status": _status, "down": _down, "build": _build}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
