"""`python3 image/sbom.py ROOT`: what is in the image, as a CycloneDX 1.6 bill of materials on stdout.

Only the standard library: it runs where the image is built. It tells of what is there, not of what was asked for: each
Python distribution's own METADATA, each Debian package's control file. tests/unit/image checks it against the schema.
"""

from __future__ import annotations

import json
import sys
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import quote

_LOCK = Path(__file__).parents[1] / "uv.lock"
_PRODUCT = "remediator"
_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562's for URLs

Component = dict[str, object]


def bill(root: Path, lock: Mapping[str, object]) -> Component:
    """The bill of a file system: the product, and what it comes with. The same content gives the same text."""
    python = sorted(_distributions(root), key=lambda one: str(one["bom-ref"]))
    product = next(one for one in python if one["name"] == _PRODUCT)
    others = [one | _hashes(one, lock) for one in python if one is not product]
    debian = sorted(_packages(root), key=lambda one: str(one["bom-ref"]))
    components = [*others, *debian]
    references = [str(one["bom-ref"]) for one in components]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(components, sort_keys=True))}",
        "version": 1,
        "metadata": {"component": product | {"type": "application"}},
        "components": components,
        "dependencies": [{"ref": product["bom-ref"], "dependsOn": references}],
    }


def _distributions(root: Path) -> Iterator[Component]:
    for file in root.glob("usr/local/lib/python*/dist-packages/*.dist-info/METADATA"):
        about = HeaderParser().parsestr(file.read_text(encoding="utf-8"))
        name, version = about["Name"].lower().replace("_", "-").replace(".", "-"), about["Version"]
        reference = f"pkg:pypi/{quote(name)}@{quote(version)}"
        yield _component(name, version, reference, _license_of(about))


def _packages(root: Path) -> Iterator[Component]:
    release = dict(line.split("=", 1) for line in (root / "etc/os-release").read_text().splitlines() if "=" in line)
    for file in (root / "var/lib/dpkg/status.d").iterdir():
        about = HeaderParser().parsestr(file.read_text(encoding="utf-8"))
        name, version, arch = about["Package"], about["Version"], about["Architecture"]
        distro = f"debian-{release['VERSION_ID'].strip(chr(34))}"
        reference = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={arch}&distro={distro}"
        yield _component(name, version, reference, "")


def _component(name: str, version: str, reference: str, license_name: str) -> Component:
    licensed: Component = {"licenses": [{"license": {"name": license_name}}]} if license_name else {}
    named: Component = {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}
    return named | licensed


def _license_of(about: Message) -> str:
    """The licence as its authors name it: an SPDX expression, else a classifier, else a short text."""
    if expression := about.get("License-Expression"):
        return expression
    classifiers = [text for text in about.get_all("Classifier", []) if text.startswith("License :: ")]
    if classifiers:
        return classifiers[0].rpartition(" :: ")[2]
    text = about.get("License", "").strip()
    return text if "\n" not in text else ""


def _hashes(component: Component, lock: Mapping[str, object]) -> Component:
    """The digests of the wheels that uv.lock lets in, one of which this is."""
    packages: object = lock["package"]
    assert isinstance(packages, list)
    wheels = [
        wheel["hash"].removeprefix("sha256:")
        for package in packages
        if (package["name"], package["version"]) == (component["name"], component["version"])
        for wheel in package.get("wheels", [])
    ]
    return {"hashes": [{"alg": "SHA-256", "content": digest} for digest in wheels]} if wheels else {}


if __name__ == "__main__":
    json.dump(bill(Path(sys.argv[1]), tomllib.loads(_LOCK.read_text(encoding="utf-8"))), sys.stdout, indent=1)
