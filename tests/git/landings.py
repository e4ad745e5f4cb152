"""Helpers of the landing tests: a repository with something to land, and its whole state as a value."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from mergeguard.git.landing import MERGE_DONE, Outcome, StateFile, land, merge_state
from mergeguard.git.objects import MODE_EXECUTABLE, MODE_FILE, MODE_SYMLINK, Entry
from tests.git.conftest import Sandbox

STATE = ("MERGE_HEAD", "MERGE_MODE", "MERGE_MSG", "AUTO_MERGE", "ORIG_HEAD", "index.lock", "state.json")


def snapshot(sandbox: Sandbox) -> dict[str, object]:
    """HEAD, refs, index entries, all files with modes and bytes, state files, and what git thinks of it."""
    git_dir = Path(sandbox.git("rev-parse", "--absolute-git-dir"))
    files: dict[str, object] = {}
    for folder, folders, names in os.walk(sandbox.root):
        if ".git" in folders:
            folders.remove(".git")
        for name in [*names, *folders]:
            path = Path(folder) / name
            key = path.relative_to(sandbox.root).as_posix()
            if path.is_symlink():
                files[key] = ("link", os.readlink(path))
            elif path.is_dir():
                files[key] = "folder"
            elif name != ".git":
                files[key] = (bool(path.stat().st_mode & 0o100), path.read_bytes())
    return {
        "HEAD": (git_dir / "HEAD").read_text(),
        "refs": [line for line in sandbox.git("for-each-ref").splitlines() if "\trefs/notes/" not in line],
        # Their commits have no meaning: copying a note a second time makes one more, of the same tree.
        "notes": sandbox.git("rev-parse", "-q", "--verify", "refs/notes/commits^{tree}", ok=False),
        "index": sandbox.git("ls-files", "--stage", "-t"),
        "files": files,
        "state": {name: (git_dir / name).read_bytes() for name in STATE if (git_dir / name).exists()},
        "status": sandbox.git("status", "--porcelain"),
    }


def leftovers(sandbox: Sandbox) -> list[str]:
    """What a landing left behind in its own folder and as locks."""
    git_dir = Path(sandbox.git("rev-parse", "--absolute-git-dir"))
    found = [str(path) for path in git_dir.rglob("*.lock")]
    private = git_dir / "mergeguard"
    if private.exists():
        # What is known of git itself is no landing's, nor a note of it that was being written.
        kept = [path for path in private.iterdir() if not path.name.startswith("git-") and path.name != "tmp"]
        kept += [path for path in private.glob("tmp/*") if not path.name.startswith("new-git-")]
        found += [path.name for path in kept]
    return found


def populate(sandbox: Sandbox) -> str:
    """A first commit with files to keep, change, remove and replace; and uncommitted work beside them."""
    (sandbox.root / "link").symlink_to("keep")
    sandbox.commit_files(
        {
            "keep": "keep\n",
            "change": "old\n" * 300,
            "script": "#!/bin/sh\n",
            "gone/deep/file": "gone\n",
            "file-to-folder": "file\n",
            "folder-to-file/x": "x\n",
            "edited": "edited\n",
            "staged": "staged\n",
            ".gitattributes": "*.crlf text eol=crlf\n",
            "text.crlf": "one\r\ntwo\r\n",
        },
        "first",
    )
    sandbox.write("edited", "uncommitted\n")
    sandbox.write("untracked", "mine\n")
    return sandbox.git("rev-parse", "HEAD")


def target_tree(sandbox: Sandbox) -> str:
    """What ``populate``'s tree is to become: every kind of change."""
    repository = sandbox.repository

    def file(data: bytes, mode: int = MODE_FILE) -> Entry:
        return Entry(mode, repository.write_blob(data))

    return repository.edit_tree(
        repository.tree_of("HEAD"),
        {
            "change": file(b"new\n" * 300),
            "script": file(b"#!/bin/sh\n", MODE_EXECUTABLE),
            "gone/deep/file": None,
            "new/deep/file": file(b"new\n"),
            "file-to-folder": None,
            "file-to-folder/x": file(b"x\n"),
            "folder-to-file/x": None,
            "folder-to-file": file(b"file\n"),
            "link": file(b"change", MODE_SYMLINK),
            "text.crlf": file(b"one\nthree\n"),
            "new.crlf": file(b"a\nb\n"),
        },
    )


def clean_outcome(sandbox: Sandbox) -> Outcome:
    """A new commit on HEAD's branch, with a state file and ORIG_HEAD."""
    repository = sandbox.repository
    head = repository.head().oid
    assert head is not None
    tree = target_tree(sandbox)
    commit = repository.commit_object(tree, (head,), "land\n")
    return Outcome(
        tree=tree,
        expected_head=head,
        reflog="test: land",
        commit=commit,
        orig_head=head,
        state=(StateFile("state.json", b"{}"),),
    )


def stage_outcome(sandbox: Sandbox) -> Outcome:
    repository = sandbox.repository
    return Outcome(tree=target_tree(sandbox), expected_head=repository.head().oid, reflog="test: stage")


def upstream(sandbox: Sandbox) -> str:
    """A branch ``upstream/x`` that conflicts with HEAD in ``change`` (content) and ``keep`` (deletion)."""
    sandbox.git("stash", "-q", "-u")
    first = sandbox.git("rev-parse", "HEAD")
    sandbox.git("checkout", "-q", "-b", "upstream/x")
    theirs = sandbox.commit_files({"change": "theirs\n" + "old\n" * 299, "keep": None, "added": "theirs\n"})
    sandbox.git("checkout", "-q", "main")
    sandbox.commit_files({"change": "ours\n" + "old\n" * 299, "keep": "kept by us\n"})
    sandbox.git("stash", "pop", "-q")
    assert first != theirs
    return theirs


def conflict_outcome(sandbox: Sandbox) -> Outcome:
    """What ``git merge upstream/x`` would leave (call ``upstream`` first)."""
    repository = sandbox.repository
    head = repository.head().oid
    assert head is not None
    theirs = repository.resolve("upstream/x")
    merged = repository.merge_trees("HEAD", "upstream/x", labels=("HEAD", "upstream/x"))
    return Outcome(
        tree=merged.tree,
        expected_head=head,
        reflog="test: conflict",
        conflicts=merged.conflicts,
        orig_head=head,
        state=merge_state(
            repository,
            (theirs,),
            b"Merge branch 'upstream/x'",
            merged.conflicts,
            tree=merged.tree,
        ),
    )


def stopped(sandbox: Sandbox) -> None:
    """A merge that waits for a person, who has begun to resolve it and has other work uncommitted as well."""
    land(sandbox.repository, conflict_outcome(sandbox))
    sandbox.write("change", "half resolved\n")
    sandbox.write("script", "#!/bin/sh\nedited\n").chmod(0o755)
    (sandbox.root / "link").unlink()
    (sandbox.root / "text.crlf").unlink()


def discard_outcome(sandbox: Sandbox) -> Outcome:
    """Back to an earlier commit, whatever stands in index and work tree."""
    repository = sandbox.repository
    earlier = repository.resolve("HEAD~1")
    return Outcome(
        tree=repository.tree_of(earlier),
        expected_head=repository.head().oid,
        reflog="test: discard",
        commit=earlier,
        state=(*MERGE_DONE, StateFile("state.json", b"{}")),
        discard=True,
    )


def noted(sandbox: Sandbox) -> None:
    """A note on HEAD, which goes along with what HEAD becomes."""
    sandbox.git("config", "notes.rewriteRef", "refs/notes/*")
    sandbox.git("notes", "add", "-m", "a note", "HEAD")


def named_outcome(sandbox: Sandbox) -> Outcome:
    """A new commit in place of HEAD's, a branch that names it, and its note (call ``noted`` first)."""
    outcome = clean_outcome(sandbox)
    assert outcome.expected_head is not None and outcome.commit is not None
    return replace(
        outcome,
        names=(("refs/heads/step/01", outcome.commit, ""),),
        notes=((outcome.expected_head, outcome.commit),),
    )
