"""What the documents show is so: links lead somewhere, commands exist, files that they print are accepted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from remediator.cli import main
from tests.unit.repository.sources import PACKAGE, ROOT, Block, Document, documents

SHELLS = {"sh", "bash", "console"}


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_links_lead_somewhere(document: Document) -> None:
    broken = []
    for link in document.links:
        path, _, anchor = link.partition("#")
        target = (document.path.parent / path).resolve() if path else document.path
        if not target.exists() or (anchor and anchor not in Document(target).anchors):
            broken.append(link)
    assert broken == []


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop().resolve()
        if path in reached or path.suffix != ".md" or not path.exists():
            continue
        reached.add(path)
        waiting += [path.parent / link.partition("#")[0] for link in Document(path).links]
    assert {document.name for document in documents() if document.path not in reached} == set()


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_files_named_exist(document: Document) -> None:
    """Files in code spans, by their place in the repository or in the package; `NAME` stands for any."""
    named = re.findall(r"`([\w./-]*(?:\.py|\.md|/))`", document.text)
    named += re.findall(r"\bremediator/[\w/]+\.py\b", document.text)
    missing = {path for path in named if "NAME" not in path and not _is_there(path)}
    assert missing == set()


def _is_there(path: str) -> bool:
    return any((place / path).exists() for place in (ROOT, PACKAGE, ROOT / "docs"))


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line of every shell block, comments and prompts left out, with its place."""
    for document in documents():
        for block in document.blocks:
            if block.language in SHELLS:
                for line in block.text.replace("\\\n", " ").splitlines():
                    words = shlex.split(line.removeprefix("$ "), comments=True)
                    if words:
                        yield f"{document.name}:{block.line}", words


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(("place", "words"), [pytest.param(*each, id=" ".join(each[1])[:60]) for each in commands()])
def test_commands_exist(place: str, words: list[str]) -> None:
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= targets(), place
    elif Path(words[0]).name == "remediator":
        parse(words[1:])


def parse(arguments: list[str]) -> None:
    """Let click read a command line without running it; an unknown command or option raises `UsageError`."""
    group: click.Command = main
    context = click.Context(main, info_name="remediator")
    while isinstance(group, click.Group) and arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        found = group.get_command(context, name)
        assert found is not None, f"remediator has no command {name}"
        group, context = found, click.Context(found, parent=context, info_name=name)
    if not {"--help", "--version"}.intersection(arguments):
        group.make_parser(context).parse_args(arguments)


@pytest.mark.parametrize("line", ["demo --no-such-option", "no-such-command"])
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        parse(line.split())


def test_make_says_what_every_target_does() -> None:
    hidden = {"lab-parts"}
    told = set(re.findall(r"^([a-z][a-z-]*):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert told == targets() - hidden


def shown_files(document: Document) -> dict[str, Block]:
    """The YAML files that a document prints in full: their first line is a comment with the name."""
    found = {}
    for block in document.blocks:
        named = re.match(r"# ([\w./-]+\.yaml)\n", block.text)
        if block.language == "yaml" and named:
            found[named[1]] = block
    return found


@pytest.mark.parametrize("document", [each for each in documents() if shown_files(each)], ids=lambda each: each.name)
def test_files_shown_are_accepted(document: Document, tmp_path: Path) -> None:
    from remediator.config import load_rules, load_settings

    for name, block in shown_files(document).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    settings = load_settings(tmp_path / "remediator.yaml") if (tmp_path / "remediator.yaml").exists() else None
    rules = sorted(tmp_path.rglob("rules/*.yaml"))
    assert len(load_rules(rules, settings)) >= len(rules)
