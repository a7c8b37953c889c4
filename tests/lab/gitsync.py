"""A repository of rules, and a folder that is kept in step with it as git-sync does that, by the real git."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
_AUTHOR = ("-c", "user.name=lab", "-c", "user.email=lab@example.org")


class Repository:
    """A repository with the branch `main`, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch=main")

    def commit(self, files: dict[str, str]) -> None:
        """One commit after which these are all files."""
        for path in self.folder.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, text in files.items():
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        git(self.folder, "add", "--all")
        git(self.folder, *_AUTHOR, "commit", "--quiet", "--message=rules")


class GitSync:
    """What git-sync 4 does at each of its periods with `--depth=1 --link=current`, command by command."""

    def __init__(self, repository: Repository, root: Path) -> None:
        self._repository, self._root = repository, root
        root.mkdir()
        git(root, "init", "--quiet", "-b", "git-sync")

    def sync(self) -> None:
        """A shallow fetch, a worktree of its own for the commit, one rename; the worktree of before is removed."""
        root, source = self._root, self._repository.folder.as_uri()
        git(root, "fetch", source, "main", "--quiet", "--prune", "--no-auto-gc", "--depth", "1")
        commit = git(root, "rev-parse", "FETCH_HEAD^{}").strip()
        git(root, "reset", "--soft", commit)
        tree, link = root / ".worktrees" / commit, root / "current"
        before = link.resolve() if link.is_symlink() else None
        git(root, "worktree", "add", "--quiet", "--force", "--detach", str(tree), commit, "--no-checkout")
        (tree / ".git").write_text(f"gitdir: ../../.git/worktrees/{commit}\n")
        git(tree, "reset", "--quiet", "--hard", commit, "--")
        new = root / "tmp-link"
        new.symlink_to(tree.relative_to(root))
        os.replace(new, link)
        if before is not None:
            shutil.rmtree(before)
            git(root, "worktree", "prune")


def git(folder: Path, *words: str) -> str:
    """What git prints, without anybody's own configuration."""
    done = subprocess.run(
        ["git", *words], cwd=folder, env=os.environ | _NOBODY, check=True, capture_output=True, text=True
    )
    return done.stdout
