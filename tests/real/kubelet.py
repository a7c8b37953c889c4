"""What the API server asks a kubelet for: the logs of containers, over TLS on loopback."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.lab.lab import Lab
from tests.lab.loopback import Answered, Asked, Loopback, own_tls


class Kubelet(Loopback):
    """Stands in for a kubelet for the length of a `with` block. `logs` and `previous` are what it answers by the
    container's pod, whose name begins so; for those in `mute` it never answers.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(own_tls(folder))
        self.logs: dict[str, str] = {}
        self.previous: dict[str, str] = {}
        self.mute: tuple[str, ...] = ()

    def serve(self, lab: Lab, node: str) -> None:
        """Be the kubelet of a node, as its status says."""
        endpoint = {"kubeletEndpoint": {"Port": self.port}}
        status = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": endpoint}
        lab.admin.patch("nodes", node, {"status": status}, subresource="status")

    def answer(self, asked: Asked) -> Answered:
        text = self._log(asked.path)
        body = (text or "no such log").encode()
        return Answered(body, 404 if text is None else 200, "text/plain")

    def _log(self, path: str) -> str | None:
        """The log that a path asks for (`/containerLogs/NAMESPACE/POD/CONTAINER`); None where there is none."""
        parts, query = urlsplit(path).path.split("/"), parse_qs(urlsplit(path).query)
        pod = parts[3] if len(parts) > 4 else ""
        if pod.startswith(self.mute):
            self.over.wait(60)
        found = self.previous if query.get("previous") == ["true"] else self.logs
        return next((text for name, text in found.items() if pod.startswith(name)), None)
