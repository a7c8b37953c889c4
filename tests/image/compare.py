"""`python -m tests.image.compare ONE OTHER`: in what two archives of images differ, by `docker save` or OCI ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any, NamedTuple


class File(NamedTuple):
    """What a file is but for its time: `content` is a digest, or where a link leads."""

    kind: bytes
    mode: int
    user: int
    group: int
    content: str


class Archive:
    """`config` is what the image says of itself, `files` all that is in it by path."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as self._tar:
            config, layers = self._docker() if "manifest.json" in self._tar.getnames() else self._oci()
            self.config: dict[str, Any] = json.loads(self._read(config))["config"]
            self.files = {name: file for layer in layers for name, file in _files(self._read(layer)).items()}

    def _docker(self) -> tuple[str, list[str]]:
        manifest = json.loads(self._read("manifest.json"))[0]
        return manifest["Config"], manifest["Layers"]

    def _oci(self) -> tuple[str, list[str]]:
        manifest = json.loads(self._read(_place(json.loads(self._read("index.json"))["manifests"][0])))
        return _place(manifest["config"]), list(map(_place, manifest["layers"]))

    def _read(self, name: str) -> bytes:
        file = self._tar.extractfile(name)
        assert file is not None, f"{name} is no file"
        return file.read()


def _place(descriptor: dict[str, Any]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"


def _files(layer: bytes) -> dict[str, File]:
    text = gzip.decompress(layer) if layer.startswith(b"\x1f\x8b") else layer
    with tarfile.open(fileobj=io.BytesIO(text)) as tar:
        return {
            entry.name.removeprefix("./").strip("/"): File(
                entry.type, entry.mode, entry.uid, entry.gid, _content(tar, entry)
            )
            for entry in tar
        }


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    file = tar.extractfile(entry) if entry.isreg() else None
    return hashlib.sha256(file.read()).hexdigest() if file else entry.linkname


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """A line for each key whose value is another, or is missing in one of them."""
    keys = sorted({*one, *other})
    return [f"{key}: {one.get(key)} / {other.get(key)}" for key in keys if one.get(key) != other.get(key)]


def main(paths: list[str]) -> int:
    """0 where all files are the same; what the images say of themselves may differ by who built them."""
    one, other = (Archive(Path(path)) for path in paths)
    print(*differences(one.config, other.config), sep="\n")
    found = differences(one.files, other.files)
    print(*found, f"{len(found)} of {len(one.files)} and {len(other.files)} files differ", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
