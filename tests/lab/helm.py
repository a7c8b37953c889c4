"""Helm, as the chart is tried with it: rendered without a cluster, or installed in the lab's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.lab.build import HELM, built
from tests.lab.errors import LabError
from tests.lab.progress import Say, print_line

CHART = Path(__file__).parents[2] / "helm" / "remediator"
"""The chart of this repository."""


class HelmError(LabError):
    """Helm refused; the text is what it said."""


class Helm:
    """The program, with a home of its own in ``folder``; ``kubeconfig`` where it has a cluster to talk to."""

    def __init__(self, folder: Path, kubeconfig: Path | None = None, say: Say = print_line) -> None:
        self._binary = built(HELM, say)
        places = {name: str(folder / name) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
        self._environment = os.environ | places | {"KUBECONFIG": str(kubeconfig or folder / "none")}
        self._folder = folder

    def run(self, *arguments: str | Path, values: Mapping[str, Any] | None = None) -> str:
        """One command; what it prints. ``values`` go by a file; ``HelmError`` where it fails."""
        command = [str(self._binary), *map(str, arguments)]
        if values is not None:
            place = self._folder / "values.yaml"
            place.write_text(json.dumps(values))  # which is YAML
            command += ["--values", str(place)]
        done = subprocess.run(
            command, env=self._environment, cwd=self._folder, capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode != 0:
            raise HelmError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def render(
        self,
        values: Mapping[str, Any] | None = None,
        *arguments: str | Path,
        namespace: str = "ops",
        name: str = "remediator",
        chart: Path = CHART,
    ) -> list[dict[str, Any]]:
        """The manifests of a release, those of its tests too."""
        command: Sequence[str | Path] = ("template", name, chart, "--namespace", namespace, *arguments)
        found = yaml.load_all(self.run(*command, values=values or {}), Loader=yaml.CSafeLoader)
        return [each for each in found if each]
