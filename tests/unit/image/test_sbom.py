"""The bill of materials says what is there, in CycloneDX's own form."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.unit.repository.sources import ROOT

LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


def _generator() -> Any:
    """`image/sbom.py`, which is a script of the build and in no package."""
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "image" / "sbom.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file system with two distributions and a Debian package."""
    msgspec = next(package["version"] for package in LOCK["package"] if package["name"] == "msgspec")
    metadata = {
        "remediator-0.1.0": "Name: remediator\nVersion: 0.1.0\nLicense-Expression: Apache-2.0\n",
        f"msgspec-{msgspec}": f"Name: msgspec\nVersion: {msgspec}\nClassifier: License :: OSI Approved :: BSD\n",
        "own_thing-1.0": "Name: Own_Thing\nVersion: 1.0\nLicense: a long text\n of several lines\n",
    }
    for name, text in metadata.items():
        folder = tmp_path / f"usr/local/lib/python3.11/dist-packages/{name}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\n{text}\n")
    status = tmp_path / "var/lib/dpkg/status.d"
    status.mkdir(parents=True)
    (status / "libc6").write_text("Package: libc6\nVersion: 2.36-9+deb12u14\nArchitecture: amd64\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    return tmp_path


def problems(bill: Any) -> list[str]:
    """What CycloneDX's own schema has against it; the schemas that it refers to are those beside it."""
    folder = files("cyclonedx.schema") / "_res"
    names = [f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "spdx", "jsf-0.82")]
    schema, *others = (json.loads((folder / name).read_text()) for name in names)
    referred = [(f"http://cyclonedx.org/schema/{name}", other) for name, other in zip(names[1:], others, strict=True)]
    validator = jsonschema_rs.validator_for(schema, registry=jsonschema_rs.Registry(referred))
    return [error.message for error in validator.iter_errors(bill)]


def test_it_is_a_bill_as_cyclonedx_defines_one(root: Path) -> None:
    bill = _generator().bill(root, LOCK)
    assert problems(bill) == []
    bill["components"][0]["type"] = "thing"
    assert len(problems(bill)) == 1


def test_it_names_the_product_and_every_package_of_both_kinds(root: Path) -> None:
    bill = _generator().bill(root, LOCK)
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/remediator@0.1.0"
    assert [component["purl"].partition("@")[0] for component in bill["components"]] == [
        "pkg:pypi/msgspec", "pkg:pypi/own-thing", "pkg:deb/debian/libc6",
    ]  # fmt: skip
    assert bill["components"][2]["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12"
    assert bill["dependencies"][0]["dependsOn"] == [component["bom-ref"] for component in bill["components"]]


def test_licences_are_told_as_their_authors_name_them_and_texts_are_not(root: Path) -> None:
    bill = _generator().bill(root, LOCK)
    assert bill["metadata"]["component"]["licenses"] == [{"license": {"name": "Apache-2.0"}}]
    licences = [component.get("licenses") for component in bill["components"]]
    assert licences == [[{"license": {"name": "BSD"}}], None, None]


def test_what_the_lock_file_pins_has_its_digests(root: Path) -> None:
    wheels = next(package["wheels"] for package in LOCK["package"] if package["name"] == "msgspec")
    msgspec, other, _ = _generator().bill(root, LOCK)["components"]
    assert [one["content"] for one in msgspec["hashes"]] == [wheel["hash"].removeprefix("sha256:") for wheel in wheels]
    assert "hashes" not in other


def test_the_same_content_gives_the_same_bill(root: Path) -> None:
    first, second = _generator().bill(root, LOCK), _generator().bill(root, LOCK)
    assert first == second
    (root / "var/lib/dpkg/status.d/libc6").write_text("Package: libc6\nVersion: 2\nArchitecture: amd64\n")
    assert _generator().bill(root, LOCK)["serialNumber"] != first["serialNumber"]
