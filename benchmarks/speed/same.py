"""`python -m benchmarks.speed.same REVISION`: whether this checkout's code says what a revision's code says.

A fork with all six rules and edits of its own follows upstream through a chain of releases, by the code of
this checkout and by that of REVISION (unpacked into a temporary folder): every merged tree, what stays in
conflict, every finding of the audit, of its look at layouts and of `check`. Then commits that edit these
layouts at random, rebased onto the last release: every tree, and each stop. Then every merge scenario of
this checkout, and a large file with edits of each pair of kinds (apart, and at one place). What differs is
printed; 1 if anything does. For changes that are to cost less and to change nothing.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import itertools
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random

CHAIN = ("0.24.0", "0.27.0", "0.30.0", "0.32.0")
_ROOT = Path(__file__).parents[2]
_COMMITS = 80  # that edit layouts at random
#: The fork's own edits: layout file, what stands there, what the fork has in its place.
_EDITS = (
    ("csrc/rocm/attention/kernels.cuh", b"template <", b"// fork\ntemplate <"),
    ("csrc/rocm/skinny_gemms/kernel.cuh", b"int mindiv(", b"int forks() { return 3; }\nint mindiv("),
)


def told(folder: Path, scenarios: Path) -> dict[str, object]:
    """Everything that the code which is imported says of the chain and of the merge ``scenarios``; ``folder``
    is a place to work in."""
    from benchmarks.speed import worlds
    from mergeguard import findings
    from mergeguard.fork.workspace import Workspace
    from mergeguard.git.repository import Repository
    from mergeguard.verbs import auditing, checking, layoutaudit
    from mergeguard.verbs.sync import merge_commits
    from tests.support import corpus

    try:
        from mergeguard.fork.splitting import Splitting
    except ImportError:  # an older revision
        from mergeguard.fork.workspace import Splitting

    also = {worlds.INT8: worlds._INT8_FIXTURE.read_bytes(), worlds.PAGED: corpus.file("0.24.0", worlds.PAGED)}
    upstream = corpus.repository(list(CHAIN), folder / "upstream", also=also)
    fork = folder / "fork"
    worlds.git(folder, "clone", "-q", str(upstream), str(fork))
    worlds.git(fork, "checkout", "-q", "-b", "fork", f"v{CHAIN[0]}")
    worlds.split(fork, upstream=f"v{CHAIN[0]}")
    for path, before, after in _EDITS:
        text = (fork / path).read_bytes()
        (fork / path).write_bytes(text.replace(before, after, 1))
    worlds.git(fork, "commit", "-q", "-a", "-m", "the fork's own")
    repository = Repository.discover(fork)

    def checked(commit: str) -> object:
        workspace = Workspace.load(repository, repository.tree_of(commit), Splitting())
        # (Where it is in an older revision.)
        to_json = vars(findings).get("to_json") or vars(checking)["to_json"]
        return to_json(checking.run(workspace))

    ours = repository.resolve("HEAD")
    said: dict[str, object] = {"check": checked(ours)}
    for version in CHAIN[1:]:
        theirs, splitting = repository.resolve(f"v{version}"), Splitting()
        merged = merge_commits(repository, ours, theirs, splitting=splitting)
        found, _ = auditing.audit_commits(
            repository, merged.bases, ours, theirs, merged.tree, splitting=splitting
        )
        layouts = layoutaudit.findings(repository, ours, theirs, merged.tree, splitting)
        said[f"{version}: tree"] = [merged.tree, merged.clean, sorted(map(str, merged.stages))]
        said[f"{version}: audit"] = [*map(repr, found), *map(repr, layouts)]
        author = repository.identity("author")
        ours = repository.commit_object(merged.tree, (ours, theirs), "sync", author=author, committer=author)
        said[f"{version}: check"] = checked(ours)
    return said | _rebases(upstream, folder / "rebased") | _merges(fork, scenarios)


def _rebases(upstream: Path, fork: Path) -> dict[str, object]:
    """What becomes of commits that edit layouts at random (with a seed): each one's tree, or, where a rebase
    stops at it, what is in conflict; the rest goes on without that commit."""
    from benchmarks.speed import worlds
    from mergeguard.git.repository import Repository
    from mergeguard.verbs import rebase

    worlds.git(upstream.parent, "clone", "-q", str(upstream), str(fork))
    old, new = (f"v{version}" for version in CHAIN[-2:])
    worlds.git(fork, "checkout", "-q", "-b", "fork", old)
    worlds.split(fork, upstream=old)
    made = worlds.git(fork, "diff", "--name-only", "--diff-filter=AM", "HEAD^", "--", "*.cu", "*.cuh", "*.h")
    random = Random(_COMMITS)
    for number in range(_COMMITS):
        for path in random.sample(made.splitlines(), random.choice((1, 1, 2))):
            (fork / path).write_bytes(_edited(random, (fork / path).read_bytes()))
        worlds.git(fork, "commit", "-q", "--allow-empty", "-a", "-m", str(number))
    repository = Repository.discover(fork)
    head, tip = repository.resolve("HEAD"), repository.resolve(new)
    waiting = rebase.local_commits(repository, tip, head)
    said: dict[str, object] = {}
    while waiting:
        outcome = rebase.rebase(repository, new, head=head, onto=tip, commits=waiting)
        for pick in outcome.picks:
            said[f"rebased: {pick.subject}"] = pick.new and repository.tree_of(pick.new)
        if outcome.stopped is not None and outcome.merged is not None:
            said[f"stopped: {outcome.stopped.subject}"] = [
                outcome.merged.tree,
                *sorted(outcome.merged.stages),
            ]
        waiting, tip = outcome.todo, outcome.tip
    return said


def _edited(random: Random, text: bytes) -> bytes:
    """A text with one of its lines edited."""
    lines = text.splitlines(keepends=True)
    at = random.randrange(len(lines))
    kind, line = random.choice(("note", "statement", "cut", "twice", "words")), lines[at]
    added = b"  // fork: %d\n" if kind == "note" else b"  int fork_%d = 0;\n"
    lines[at : at + 1] = {
        "cut": [],
        "twice": [line, line],
        "words": [line.replace(b"int ", b"long ").replace(b"const ", b"")],
    }.get(kind, [added % random.randrange(1_000_000), line])
    return b"".join(lines)


def _merges(fork: Path, scenarios: Path) -> dict[str, object]:
    """What comes of merging single files: the scenarios, and pairs of edits in a large file."""
    from mergeguard.merge import merge
    from mergeguard.merge.markers import render_markers

    cases: dict[str, tuple[bytes, ...]] = {}
    for case in sorted(scenarios.glob("*/*/base.cu")):
        cases[f"{case.parts[-3]} {case.parts[-2]}"] = tuple(
            (case.parent / f"{side}.cu").read_bytes() for side in ("base", "ours", "theirs")
        )
    text = (fork / "csrc/rocm/attention/kernels.cuh").read_bytes() * 2
    edited = {name: {place: edit(text, place) for place in (1, 2, 3)} for name, edit in _KINDS.items()}
    for mine, other in itertools.product(_KINDS, repeat=2):
        for places in ((1, 1), (1, 3), (2, 2)):
            cases[f"large: {mine}, {other}, {places}"] = (
                text,
                edited[mine][places[0]],
                edited[other][places[1]],
            )
    said: dict[str, object] = {}
    for name, (base, ours, theirs) in cases.items():
        result = merge(base, ours, theirs)
        digest = hashlib.sha256(render_markers(result.pieces, style="diff3")).hexdigest()
        said[f"merge of {name}"] = [digest, result.conflicts, *map(repr, result.notes)]
    return said


def _at(text: bytes, place: int) -> int:
    """The start of a line in the middle of a quarter of a text, behind a statement."""
    return text.index(b";\n", len(text) * place // 4) + 2


_KINDS: dict[str, Callable[[bytes, int], bytes]] = {
    "a line": lambda text, place: text[: _at(text, place)] + b"  int a_line;\n" + text[_at(text, place) :],
    "another line": lambda text, place: text[: _at(text, place)] + b"  other();\n" + text[_at(text, place) :],
    "a line less": lambda text, place: (
        text[: _at(text, place)] + text[text.index(b"\n", _at(text, place)) + 1 :]
    ),
    "spaces": lambda text, place: text[: _at(text, place)] + b"    " + text[_at(text, place) :],
}


def _told_by(root: Path) -> str:
    """What the code below ``root`` says, as JSON."""
    from benchmarks.speed.measure import environment

    program = (
        "import json, sys, tempfile; from pathlib import Path; from benchmarks.speed import same\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    print(json.dumps(same.told(Path(folder), Path(sys.argv[1])), indent=1))"
    )
    scenarios = _ROOT / "tests" / "scenarios" / "merge"
    paths = os.pathsep.join([str(root), str(_ROOT), *filter(None, sys.path)])
    done = subprocess.run(
        (sys.executable, "-c", program, str(scenarios)),
        cwd=root,
        env=environment() | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout.decode()


def _unpacked(revision: str, folder: Path) -> Path:
    """The files of a revision of this repository, with this module among its benchmarks."""
    archive = subprocess.run(("git", "archive", revision), cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder)
    (folder / "benchmarks" / "speed" / "same.py").write_bytes(Path(__file__).read_bytes())
    return folder


def main(arguments: list[str]) -> int:
    """Print what differs; 1 if anything does."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.same", description=__doc__)
    parser.add_argument("revision", metavar="REVISION")
    revision = parser.parse_args(arguments).revision
    now = _told_by(_ROOT)
    with tempfile.TemporaryDirectory() as folder:
        before = _told_by(_unpacked(revision, Path(folder)))
    lines = list(difflib.unified_diff(before.splitlines(), now.splitlines(), revision, "here", lineterm=""))
    print("\n".join(lines) or f"the same: {len(json.loads(now))} answers")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
