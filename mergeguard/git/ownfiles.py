"""What git's own files say, so that it need not be asked: where a plain clone is, and its references."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from mergeguard.git.durable import write_atomic
from mergeguard.git.errors import BareRepository, NotARepository, UnsupportedRepository
from mergeguard.git.objectnames import FORMATS, FULL_NAME, ObjectFormat
from mergeguard.git.process import Completed, child_environment, decode, encode, require_git, run_git
from mergeguard.values import dataclass

_FULL_NAME = re.compile(FULL_NAME)
_BRANCH = re.compile(rb"ref: (refs/heads/[^\s\0]+)\n")
# All work trees have these in common; what else is below refs/ may be each work tree's own.
_SHARED = ("refs/heads/", "refs/remotes/", "refs/tags/")
_OWN = re.compile(r"[A-Z][A-Z_]*")  # of each work tree: HEAD, MERGE_HEAD and the like
_ODD = re.compile(r"[\s\0\\:?*~^\[]|(^|/)\.|\.\.|//|/$")  # in no name, or not as it stands

#: Below a git folder: how git found it, so that it need not be asked again (`_as_noted`).
_NOTED = "mergeguard/git-found"

#: What tells one writing of a file from the next: git never writes into its own, each is a new file.
FileState = tuple[int, int, int]


def state_of(path: Path) -> FileState | None:
    """The state of a file; None where there is none."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


@dataclass(frozen=True, slots=True)
class GitEnvironment:
    """The part of an environment that says which repository is meant."""

    git_dir: str | None = None
    work_tree: str | None = None
    index_file: str | None = None
    common_dir: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> GitEnvironment:
        """What an environment says."""
        return cls(
            environment.get("GIT_DIR"),
            environment.get("GIT_WORK_TREE"),
            environment.get("GIT_INDEX_FILE"),
            environment.get("GIT_COMMON_DIR"),
        )

    def variables(self) -> dict[str, str]:
        """The same as variables, but for the index, which git is told of by itself."""
        found = {
            "GIT_DIR": self.git_dir,
            "GIT_WORK_TREE": self.work_tree,
            "GIT_COMMON_DIR": self.common_dir,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class FoundRepository:
    """Where a repository is, and how it names its objects."""

    work_tree: Path
    git_dir: Path
    common_dir: Path
    objects_dir: Path
    object_format: ObjectFormat


def find(folder: Path, location: GitEnvironment) -> FoundRepository:
    """The repository around ``folder``, as git finds it with what ``location`` says. Errors: see
    ``Repository.discover``."""
    noted = _as_noted(folder, location)
    if noted is not None:
        return noted
    environment = {**child_environment(), **location.variables()}

    def ask(*arguments: str, ok: tuple[int, ...] = (0, 128)) -> Completed:
        return run_git(["rev-parse", *arguments], cwd=folder, environment=environment, ok=ok)

    at_once = ask(
        "--show-object-format", "--absolute-git-dir", "--git-common-dir", "--git-path", "objects",
        "--show-toplevel",
    )  # fmt: skip
    answers = at_once.text.split("\n")
    if at_once.code == 0 and len(answers) == 5 and answers[0] in FORMATS and answers[4]:
        git_dir, common_dir, objects_dir, top = (Path(os.path.normpath(folder / a)) for a in answers[1:])
        found = FoundRepository(top, git_dir, common_dir, objects_dir, FORMATS[answers[0]])
        _note(found)
        return found
    return _slowly(folder, ask)


def _as_noted(folder: Path, location: GitEnvironment) -> FoundRepository | None:
    """A clone that git has found to be a plain one, `.git` and all, with the configuration that it has now.

    None where git is to be asked: of any other, and of one that is not the user's own, which git may refuse.
    """
    if location.variables().keys() - {"GIT_DIR"} or location.git_dir not in (None, ".git"):
        return None
    top = folder.resolve()
    git_dir = top / ".git"
    try:
        state, _, name = (git_dir / _NOTED).read_text(encoding="ascii").partition("\n")
        owners = {os.stat(place).st_uid for place in (top, git_dir)}
    except (OSError, ValueError):
        return None
    if owners != {os.geteuid()} or state != str(_configuration(git_dir)) or name not in FORMATS:
        return None
    return FoundRepository(top, git_dir, git_dir, git_dir / "objects", FORMATS[name])


def _configuration(git_dir: Path) -> tuple[FileState | None, ...]:
    """What tells when a plain clone's own configuration is another."""
    return tuple(state_of(git_dir / name) for name in ("config", "config.worktree"))


def _note(found: FoundRepository) -> None:
    """Note a plain clone, where our folder is; failing to costs time later, nothing else."""
    git_dir = found.work_tree / ".git"
    place = git_dir / _NOTED
    is_plain = (git_dir, git_dir, git_dir / "objects") == (
        found.git_dir,
        found.common_dir,
        found.objects_dir,
    )
    if is_plain and place.parent.is_dir():
        text = f"{_configuration(git_dir)}\n{found.object_format.name}"
        with suppress(OSError):
            write_atomic(place, text.encode("ascii"), place.parent / "tmp", sync=False)


def _slowly(folder: Path, ask: Callable[..., Completed]) -> FoundRepository:
    """Where something is unusual (an error, a newline in a path, an old git), each question by itself."""
    require_git()
    facts = ask("--is-bare-repository", "--is-inside-git-dir", "--absolute-git-dir")
    if facts.code != 0:
        said = facts.err.strip().removeprefix("fatal: ")
        if "object format" in said or "objectformat" in said:
            raise UnsupportedRepository(f"git can't read this repository: {said}")
        if "not a git repository" in said:
            raise NotARepository(
                f"{folder} is not inside a git repository", hint="run it inside a clone, or name one with -C"
            )
        raise NotARepository(f"git can't open the repository: {said}", hint="`git status` says more")
    bare, inside, git_dir = facts.text.split("\n", 2)
    top = ask("--show-toplevel")
    if top.code != 0 or not top.out.strip():
        if bare == "true":
            raise BareRepository(
                f"{git_dir} is a bare repository: there are no files to work on",
                hint="work in a clone, or make a work tree: `git worktree add FOLDER BRANCH`",
            )
        where = "inside the repository's own .git folder" if inside == "true" else "without a work tree"
        raise BareRepository(f"{folder} is {where}", hint="run it in the work tree")
    object_format = FORMATS.get(ask("--show-object-format").text)
    if object_format is None:
        raise UnsupportedRepository(
            f"{git_dir} has object names of a kind that is not known here",
            hint="work in a clone with SHA-1 or SHA-256 object names",
        )

    def path(*arguments: str) -> Path:
        # Relative answers are relative to the folder git was asked in.
        return Path(os.path.normpath(folder / ask(*arguments, ok=(0,)).text))

    return FoundRepository(
        work_tree=Path(top.text),
        git_dir=Path(git_dir),
        common_dir=path("--git-common-dir"),
        objects_dir=path("--git-path", "objects"),
        object_format=object_format,
    )


class References:
    """Those of one work tree: ``git_dir`` is its own folder, ``common_dir`` has what all have in common."""

    def __init__(self, git_dir: Path, common_dir: Path) -> None:
        self._git_dir, self._common_dir = git_dir, common_dir

    def branch(self) -> str | None:
        """The full name of the branch that HEAD is on; None where that can't be told."""
        try:
            head = (self._git_dir / "HEAD").read_bytes()
        except OSError:
            return None
        branch = _BRANCH.fullmatch(head)
        return decode(branch[1]) if branch is not None else None

    def find(self, name: str) -> str | None:
        """The object that a full name (``refs/heads/main``, ``MERGE_HEAD``) points at, "" where there is no
        such reference, None where only git can tell."""
        shared = name.startswith(_SHARED)
        if not shared and not _OWN.fullmatch(name) or _ODD.search(name):
            return None
        place = (self._common_dir if shared else self._git_dir) / name
        try:
            oid = place.read_bytes().rstrip(b"\n").decode("ascii", "replace")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return self._packed(name) if shared else self._absent()
        except OSError:
            return None
        return oid if _FULL_NAME.fullmatch(oid) else None

    def _absent(self) -> str | None:
        return None if (self._common_dir / "reftable").exists() else ""

    def _packed(self, name: str) -> str | None:
        """What git has put with others into one file."""
        try:
            lines = (self._common_dir / "packed-refs").read_bytes()
        except FileNotFoundError:
            return self._absent()
        except OSError:
            return None
        found = re.search(rb"(?m)^([0-9a-f]+) " + re.escape(encode(name)) + rb"$", lines)
        if found is None:
            return self._absent()
        oid = found[1].decode("ascii")
        return oid if _FULL_NAME.fullmatch(oid) else None
