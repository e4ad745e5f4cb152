"""`python -m benchmarks.audit [--step N] [--edits N]`: false findings per merge, over the release chain.

From each N-th release to the next, a fork with harmless edits is merged by git: in files that upstream edits
too, a line after some statement of a function (which may use a name of that statement), and a macro and a
function of its own at the end. Files in which git conflicts are left as they were. Upstream's releases are
right, so a finding is false unless upstream took away what an edit uses; each is printed to be judged.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mergeguard.cpp.items import Kind
from mergeguard.cpp.source import parse
from mergeguard.fork.workspace import file_edits
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.verbs import auditing
from tests.support import corpus

CODE = (".cu", ".cuh", ".hip", ".cpp", ".h", ".hpp")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--step", type=int, default=3, help="merge every N-th release")
    parser.add_argument("--edits", type=int, default=40, help="files that the fork edits before each merge")
    chosen = parser.parse_args(arguments)
    versions = corpus.all_versions()[:: chosen.step]
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.discover(corpus.repository(versions, Path(folder) / "chain"))
        return _chain(repository, versions, chosen.edits)


def _chain(repository: Repository, versions: tuple[str, ...], count: int) -> int:
    reader = auditing.FactsReader(repository)
    codes: Counter[str] = Counter()
    merges = conflicts = edits = 0
    seconds = 0.0
    for old, new in zip(versions, versions[1:], strict=False):
        base, theirs = (repository.resolve(f"v{version}") for version in (old, new))
        tree = repository.tree_of(base)
        changed = {c.old for c in repository.diff_trees(tree, repository.tree_of(theirs)) if c.letter in "MR"}
        mine = _edited(repository, tree, changed, count, random.Random(new))
        # Files that conflict are left as they were: the rest of the merge is what is audited.
        while True:
            ours = repository.commit_object(
                repository.edit_tree(tree, file_edits(repository, mine)), (base,), "local\n"
            )
            outcome = repository.merge_trees(ours, theirs)
            clashing = {c.path for c in outcome.conflicts} & mine.keys()
            if outcome.clean or not clashing:
                break
            conflicts += len(clashing)
            for path in clashing:
                del mine[path]
        if not outcome.clean:
            print(f"{old} -> {new}: git conflicts elsewhere", flush=True)
            continue
        start = time.process_time()
        findings, _ = auditing.audit_commits(repository, (base,), ours, theirs, outcome.tree, reader)
        seconds += time.process_time() - start
        merges += 1
        edits += len(mine)
        codes.update(f.code for f in findings)
        for finding in findings:
            place = finding.places[0]
            print(f"{old} -> {new}: {finding.code} {place.path}:{place.line} {finding.message}", flush=True)
    total = codes.total()
    print(
        f"{merges} merges with {edits} edited files ({conflicts} conflicted), {seconds / merges:.2f} s each"
    )
    print(f"{total} findings, {total / merges:.2f} a merge: {dict(codes)}")
    return 0


def _edited(
    repository: Repository, tree: str, changed: set[str], count: int, chance: random.Random
) -> dict[str, bytes]:
    """Files of the tree with edits in code, preferably ones that upstream changes too."""
    entries = {p: e for p, e in repository.list_tree(tree, "csrc").items() if p.endswith(CODE)}
    both, rest = (sorted(set(entries) & changed), sorted(set(entries) - changed))
    chance.shuffle(both)
    chance.shuffle(rest)
    wanted = [*both[: count * 3 // 4], *rest]
    found: dict[str, bytes] = {}
    for path in wanted:
        if len(found) == count:
            break
        text = _edit(repository, entries[path], chance)
        if text is not None:
            found[path] = text
    return found


def _edit(repository: Repository, entry: Entry, chance: random.Random) -> bytes | None:
    """The text with a line in a body, a helper that calls what the body belongs to, and a macro."""
    text = repository.read_blob(entry.oid)
    functions = [
        item
        for item in parse(text).items
        if item.kind in (Kind.FUNCTION, Kind.KERNEL) and item.body is not None
    ]
    lines = [
        at + 2
        for item in functions
        if item.body is not None
        for at in range(*item.body)
        if text[at : at + 2] == b";\n" and text[at + 2 : at + 4] == b"  "
    ]
    if not lines:
        return None
    at = chance.choice(lines)
    indent = re.compile(rb" *").match(text, at)
    assert indent is not None
    name = b"fork_%08x" % chance.getrandbits(32)
    words = re.findall(rb"[A-Za-z_]\w+", text[text.rfind(b"\n", 0, at - 2) + 1 : at - 2])
    use = words[-1] if words and chance.random() < 0.5 else b"1"
    text = text[:at] + indent.group() + b'static_assert(sizeof(%s) > 0, "fork");\n' % use + text[at:]
    helper = b"\n#define %s_ROUNDS 4\nstatic inline int %s(int n) { return n + %s_ROUNDS; }\n" % (
        name.upper(), name, name.upper(),
    )  # fmt: skip
    return text + helper if chance.random() < 0.5 else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
