"""The node's network, in a namespace of our own: a bridge for pods, and ways from them to servers on loopback."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.lab.errors import LabError

ADDRESS = "10.88.0.1"
"""The machine as pods see it."""

NAME_SERVER = "10.96.0.10"
"""Where pods ask for names."""

_BRIDGE = "pods0"
_PODS = "10.88.0.0/16"
_SERVICES = "10.96.0.0/16"
_API_SERVICE = "10.96.0.1"


class Network:
    """The bridge `pods0` with the machine's address on it; `cni` is the folder with the plug-ins' configuration."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.cni = folder / "net.d"
        self.cni.mkdir()
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", _BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{ADDRESS}/16", "dev", _BRIDGE)
        run("ip", "link", "set", _BRIDGE, "up")
        run("ip", "route", "add", _SERVICES, "dev", _BRIDGE, "src", ADDRESS)
        for key, value in _SYSCTLS.items():
            (Path("/proc/sys/net") / key).write_text(value)
        (self.cni / "10-pods.conflist").write_text(json.dumps(_plugins(folder / "addresses")))

    def expose(self, port: int) -> str:
        """Let pods reach a server of loopback; `address:port` as they have it."""
        self._forward(ADDRESS, port, port)
        return f"{ADDRESS}:{port}"

    def api_server(self, port: int) -> None:
        """Let pods reach the API server at the address that their environment names."""
        self._forward(_API_SERVICE, 443, port)

    def name_server(self, port: int) -> None:
        """Let pods reach the name server."""
        self._forward(NAME_SERVER, 53, port, protocol="udp")

    def _forward(self, address: str, port: int, to: int, protocol: str = "tcp") -> None:
        into = [
            "-p",
            protocol,
            "-d",
            address,
            "--dport",
            str(port),
            "-j",
            "DNAT",
            "--to-destination",
            f"127.0.0.1:{to}",
        ]
        for chain in ("PREROUTING", "OUTPUT"):
            run("iptables", "-t", "nat", "-A", chain, *into)


_SYSCTLS = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/route_localnet": "1",
    # Without it an answer between two pods of the bridge would not pass the translation that a Service is.
    "bridge/bridge-nf-call-iptables": "1",
}


def _plugins(addresses: Path) -> dict[str, object]:
    ranges = {"type": "host-local", "ranges": [[{"subnet": _PODS}]], "dataDir": str(addresses)}
    bridge = {
        "type": "bridge",
        "bridge": _BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": ranges | {"routes": [{"dst": "0.0.0.0/0"}]},
    }
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}


def run(*command: str | Path) -> str:
    """Run a command to its end; its output."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))} failed with code {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
