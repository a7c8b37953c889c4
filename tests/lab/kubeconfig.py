"""Kubeconfig files."""

from __future__ import annotations

from pathlib import Path

import yaml


def write_kubeconfig(
    path: Path, url: str, ca_file: Path | None, user: str, token: str, namespace: str = "default"
) -> Path:
    """Write a kubeconfig with one context, readable by its owner alone, and return its path."""
    trust = {"certificate-authority": str(ca_file)} if ca_file else {}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": {"server": url} | trust}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user, "namespace": namespace}}],
        "current-context": "lab",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
