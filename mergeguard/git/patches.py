"""Mails and patches as git reads them, applied to trees: index, files and refs are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff import PatchSet
from unidiff.errors import UnidiffParseError

from mergeguard.git import worktree
from mergeguard.git.durable import scratch_folder
from mergeguard.git.errors import GitError
from mergeguard.git.merging import UnmergedPath
from mergeguard.git.objects import Entry, Identity
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository

_HEADER = re.compile(rb"[!-9;-~]+:")


@dataclass(frozen=True, slots=True)
class Mail:
    """One patch: its diff, and what a mail says about it. ``author`` is None for a plain diff."""

    diff: bytes
    author: Identity | None
    message: bytes


@dataclass(frozen=True, slots=True)
class RejectedPatch:
    """A hunk that does not apply: the file, the hunk's ``@@`` line ("" where the whole file is refused)."""

    path: str
    header: str
    reason: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The tree with the patch in it, or the conflicts (index stages) and hunks that keep it out."""

    tree: str | None
    conflicts: tuple[UnmergedPath, ...] = ()
    rejected: tuple[RejectedPatch, ...] = ()


def is_mail(data: bytes) -> bool:
    """Whether a patch file is a mail or a mailbox, as ``git am`` would say."""
    head = data.lstrip(b"\r\n")
    if head.startswith((b"From ", b"From:")):
        return True
    block = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    return _HEADER.match(head) is not None and re.search(rb"^From:", block, re.MULTILINE) is not None


def read_mails(repository: Repository, data: bytes) -> tuple[Mail, ...]:
    """The patches of a patch file: a mailbox's mails in order, or one plain diff. GitError for junk."""
    if not is_mail(data):
        return (Mail(data, None, b""),)
    with scratch_folder(repository.private_dir) as folder:
        box = folder / "box"
        box.write_bytes(data)
        # A mail that came with CRLF throughout lost its own line endings on the way; others keep theirs.
        whole = data.lstrip(b"\r\n").split(b"\n", 1)[0].endswith(b"\r")
        keep = () if whole else ("--keep-cr",)
        repository.git("mailsplit", "-b", *keep, f"-o{folder}", str(box))
        return tuple(_mail(repository, folder, name) for name in sorted(folder.glob("[0-9]*")))


def _mail(repository: Repository, folder: Path, name: Path) -> Mail:
    body, patch = folder / "message", folder / "patch"
    # Of what stands in brackets before a subject, only [PATCH …] goes: upstream's [Kernel] is its own.
    said = repository.git(
        "mailinfo", "-b", "--encoding=UTF-8", str(body), str(patch), stdin=name.read_bytes()
    )
    facts = dict(line.split(": ", 1) for line in said.text.splitlines() if ": " in line)
    author = _identity(repository, facts)
    message = facts.get("Subject", "").encode("utf-8", "surrogateescape") + b"\n"
    rest = body.read_bytes()
    if rest.strip():
        message += b"\n" + rest.strip(b"\n") + b"\n"
    return Mail(patch.read_bytes(), author, message)


def _identity(repository: Repository, facts: Mapping[str, str]) -> Identity | None:
    if not facts.get("Email"):
        return None
    environment = {
        "GIT_AUTHOR_NAME": facts.get("Author") or facts["Email"],
        "GIT_AUTHOR_EMAIL": facts["Email"],
    }
    if facts.get("Date"):
        environment["GIT_AUTHOR_DATE"] = facts["Date"]
    # git knows every way of writing a date.
    found = repository.git("var", "GIT_AUTHOR_IDENT", environment=environment)
    return Identity(found.out.rstrip(b"\n"))


def apply(
    repository: Repository, tree: str, diff: bytes, *, strip: int = 1, context: int | None = None
) -> Applied:
    """The tree with a patch in it: as ``git apply`` does, then by a three-way merge of the files that the
    patch names by their blobs. ``context`` is how many lines around a change must match (None: all).
    """
    with _index_of(repository, tree) as environment:
        options = (f"-p{strip}", "--whitespace=nowarn", *(() if context is None else (f"-C{context}",)))
        plain = repository.git(
            "apply", "--cached", *options, stdin=diff, ok=(0, 1, 128), environment=environment
        )
        if plain.code == 0:
            return Applied(repository.git("write-tree", environment=environment).text)
        if plain.code == 128:
            raise GitError(f"the patch can't be read: {_said(plain.err)}")
        merged = repository.git(
            "apply", "--cached", "--3way", *options, stdin=diff, ok=(0, 1, 128), environment=environment
        )
        if merged.code == 0:
            return Applied(repository.git("write-tree", environment=environment).text)
        index, _ = worktree.read_index(repository, Path(environment["GIT_INDEX_FILE"]))
        stages = index.unmerged
        if stages:
            conflicts = tuple(UnmergedPath(path, dict(entries)) for path, entries in stages.items())
            whole = {path: entries[0] for path, entries in index.items() if path not in stages}
            return Applied(_tree(repository, tree, whole, stages), conflicts, ())
        rejected = _rejected(repository, environment, tree, diff, options)
        return Applied(None, (), rejected or (RejectedPatch("", "", _said(plain.err)),))


def _tree(
    repository: Repository, tree: str, whole: Mapping[str, Entry], stages: Mapping[str, Mapping[int, Entry]]
) -> str:
    """The tree of an index, conflicted paths left as they were in ``tree``."""
    before = repository.list_tree(tree)
    edits: dict[str, Entry | None] = {p: e for p, e in whole.items() if before.get(p) != e}
    edits |= {p: None for p in before if p not in whole and p not in stages}
    return repository.edit_tree(tree, edits)


def _rejected(
    repository: Repository, environment: Mapping[str, str], tree: str, diff: bytes, options: tuple[str, ...]
) -> tuple[RejectedPatch, ...]:
    """The hunks that don't apply, each tried alone."""
    try:
        # One character a byte, so that any content survives.
        files = PatchSet.from_string(diff.decode("latin-1"))
    except UnidiffParseError:
        return ()
    found: list[RejectedPatch] = []
    for file in files:
        hunks = list(file)
        heading = str(file).encode("latin-1")
        heading = heading[: heading.index(b"\n@@ ") + 1] if b"\n@@ " in heading else heading
        for hunk in hunks:
            text = heading + str(hunk).encode("latin-1")
            repository.git("read-tree", tree, environment=environment)
            tried = repository.git(
                "apply", "--cached", *options, stdin=text, ok=(0, 1, 128), environment=environment
            )
            if tried.code == 0:
                continue
            header = (
                f"@@ -{hunk.source_start},{hunk.source_length} +{hunk.target_start},{hunk.target_length} @@"
            )
            reason = _said(tried.err)
            if "patch failed" not in tried.err:
                header = ""
            found.append(RejectedPatch(file.path, header, reason))
            if not header:
                break
    return tuple(found)


def _said(text: str) -> str:
    lines = [line.removeprefix("error: ").removeprefix("fatal: ") for line in text.strip().splitlines()]
    return lines[-1] if lines else "git does not say why"


@contextmanager
def _index_of(repository: Repository, tree: str) -> Iterator[dict[str, str]]:
    """The environment in which git uses a new index that holds ``tree``."""
    with scratch_folder(repository.private_dir) as folder:
        environment = {"GIT_INDEX_FILE": str(folder / "index")}
        repository.git("read-tree", tree, environment=environment)
        yield environment
