"""Both ways to build the image put the same into it: one script fills it, one list of instructions describes it."""

from __future__ import annotations

import re

from tests.unit.repository.sources import ROOT


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def stages() -> list[list[str]]:
    """The Dockerfile's instructions by stage, continued lines joined, comments left out."""
    lines = re.sub(r"(?m)^#.*\n", "", text("Dockerfile")).replace("\\\n", " ").splitlines()
    found: list[list[str]] = []
    for line in filter(None, map(str.strip, lines)):
        if line.startswith("FROM "):
            found.append([])
        found[-1].append(" ".join(line.split()))
    return found


def test_one_script_fills_the_image_whichever_way_it_is_built() -> None:
    build, image = stages()
    assert [line for line in build if line.startswith("RUN")][-1] == "RUN image/assemble /root-of-image"
    copies = [line.split() for line in image if line.startswith("COPY")]
    assert all("--from=build" in words for words in copies)
    assert [words[-2] for words in copies] == ["/root-of-image/rootfs", "/root-of-image/owned"]
    assert 'image/assemble "$work/root-of-image"' in text("image/build")


def test_the_image_without_an_engine_is_made_by_the_dockerfiles_own_last_part() -> None:
    assert "sed -n '/^FROM scratch/,$p' Dockerfile" in text("image/build")
    assert text("Dockerfile").count("\nFROM scratch\n") == 1
    assert stages()[-1][0] == "FROM scratch"


def test_nothing_runs_in_the_image_while_it_is_built_and_nobody_is_root_in_it() -> None:
    image = stages()[-1]
    assert not [line for line in image if line.startswith("RUN")]
    (user,) = [line for line in image if line.startswith("USER")]
    assert re.fullmatch(r"USER [1-9]\d+:[1-9]\d+", user)
    assert not [line for line in image if re.match(r"(ENTRYPOINT|CMD) [^\[]", line)], "a shell would be needed"


def test_what_the_script_reads_is_let_through_to_an_engine() -> None:
    shown = set(re.findall(r"(?m)^!(.+)$", text(".dockerignore")))
    assert shown == {".ci/setup", "LICENSE", "README.md", "image", "pyproject.toml", "remediator", "rules", "uv.lock"}
    assert all((ROOT / path).exists() for path in shown)


def test_packages_are_sorted_and_none_of_them_is_a_shell_or_a_package_manager() -> None:
    packages = text("image/packages").split()
    assert packages == sorted(set(packages))
    assert not {"bash", "dash", "busybox", "coreutils", "perl-base", "dpkg", "apt", "python3-pip"} & set(packages)
