"""A tiny image of one static program, written as an OCI archive by hand: no engine is needed for that."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

WEB = "e2e.test/web:1"
"""The web server; its command's first word chooses what it does: serve, exit, eat."""

PAUSE = "e2e.test/pause:1"
"""The same program as what holds a pod's network."""

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def write_image(archive: Path, name: str, program: Path, entrypoint: list[str]) -> Path:
    """An OCI archive with the program as `/web`, which runs as nobody."""
    layer = _tar({"web": program.read_bytes()}, mode=0o755)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "User": "65534:65534"},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs = {"layer": layer, "config": json.dumps(config).encode()}
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor("application/vnd.oci.image.config.v1+json", blobs["config"]),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    ).encode()
    index = {"schemaVersion": 2, "manifests": [_descriptor(_MANIFEST, manifest) | _named(name)]}
    files = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in (*blobs.values(), manifest)}
    files["index.json"] = json.dumps(index).encode()
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    archive.write_bytes(_tar(files, mode=0o644))
    return archive


def _named(name: str) -> dict[str, object]:
    return {"annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}}


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
