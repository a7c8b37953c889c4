"""An account with the very rights that `remediator rbac` prints for some rules, and no others."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab.accounts import Account
from tests.lab.client import Json
from tests.lab.errors import ApiError
from tests.lab.lab import Lab
from tests.lab.waiting import PATIENCE


class Site:
    """The account under the printed roles, and what removes them again."""

    def __init__(self, lab: Lab, home: str, folder: Path) -> None:
        self.lab, self.home, self.folder = lab, home, folder
        self._made: list[tuple[str, str, str]] = []
        lab.admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": home}}, home)

    def printed(self, rules: str, **settings: Any) -> list[Json]:
        """What `remediator rbac` prints for these rules, under further settings."""
        (self.folder / "rbac-rules.yaml").write_text(rules)
        file = self.folder / "rbac.yaml"
        file.write_text(json.dumps({"mode": "enforce", "rule_files": ["rbac-rules.yaml"], **settings}))
        command = [sys.executable, "-m", "remediator", "rbac", "--config", str(file), "--namespace", self.home]
        command += ["--service-account", self.home]
        found = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, timeout=PATIENCE, check=True)
        return json.loads(found.stdout)["items"]

    def grant(self, items: list[Json]) -> Account:
        """Create the roles and bindings, and act under them."""
        for item in items:
            namespace = item["metadata"].get("namespace", "")
            self.lab.admin.create(item, namespace)
            self._made.append((item["kind"], item["metadata"]["name"], namespace))
        return self.lab.account_of(self.home, self.home)

    def remove(self) -> None:
        for each in self._made:
            with contextlib.suppress(ApiError):  # gone with its namespace
                self.lab.admin.delete(*each)
