"""containerd, with what it keeps in a folder of the run."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from tests.e2e.images import PAUSE
from tests.e2e.network import Network, run
from tests.lab.errors import LabError
from tests.lab.processes import Servers
from tests.lab.programs import find

_PLUGINS = "/usr/lib/cni"
_RUNTIME = 'plugins."io.containerd.grpc.v1.cri"'


class Containers:
    """A running containerd; `endpoint` is where a kubelet finds it."""

    def __init__(self, name: str, folder: Path, network: Network, servers: Servers) -> None:
        folder.mkdir(parents=True)
        self._socket = folder / "sock"
        self.endpoint = f"unix://{self._socket}"
        config = folder / "config.toml"
        config.write_text(_config(folder, self._socket, network.cni))
        binary = find(["containerd"])
        if binary is None:
            raise LabError("there is no `containerd` on the PATH: install the Debian package containerd")
        self.server = servers.start(f"containerd-{name}", [binary, "--config", config])
        self.server.wait_until(self._answers)

    def load(self, archive: Path, name: str) -> None:
        """Import an image from an OCI archive under a name, unless it is there."""
        if name in self._ctr("images", "list", "--quiet").split():
            return
        self._ctr("images", "import", "--no-unpack", "--digests", "--base-name", "loaded", archive)
        imported = f"loaded@{_digest(archive)}"  # by its digest: others that were imported may be listed as well
        listed = self._ctr("images", "list", "--quiet").split()
        if name not in listed:
            self._ctr("images", "tag", imported, name)
        if imported in listed:
            self._ctr("images", "remove", imported)

    def _ctr(self, *words: str | Path) -> str:
        return run("ctr", "--address", self._socket, "--namespace", "k8s.io", *words)

    def _answers(self) -> bool:
        try:
            self._ctr("version")
        except LabError:
            return False
        return True


def _digest(archive: Path) -> str:
    """The digest of the one image in an OCI archive."""
    with tarfile.open(archive) as files:
        index = files.extractfile("index.json")
        assert index is not None, f"{archive} is no OCI archive"
        (manifest,) = json.load(index)["manifests"]
    return manifest["digest"]


def _config(folder: Path, socket: Path, cni: Path) -> str:
    return f"""version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "{socket}"
[{_RUNTIME}]
  # Without it runc ends where the machine grants no CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  disable_apparmor = true
  sandbox_image = "{PAUSE}"
  [{_RUNTIME}.containerd]
    snapshotter = "overlayfs"
    [{_RUNTIME}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [{_RUNTIME}.cni]
    bin_dir = "{_PLUGINS}"
    conf_dir = "{cni}"
"""
