"""`python -m benchmarks.replay REPOSITORY [--rules NAME…] [--limit N]`: what upstream's commits cost a split.

For each commit that changes a file of a shipped rule, the fork is the commit's parent with the file split:
once as plain files that nobody keeps together (git alone; mergeguard following the declarations), once as
the rule's layout (derived). A merge is right if the split read back is upstream's new file. With
`--releases`, the steps between released versions (source distributions) take the place of commits.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mergeguard.cpp.leaves import leaves_of
from mergeguard.errors import MergeguardError
from mergeguard.fork import treelens
from mergeguard.fork.workspace import REGULAR, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import Rule, parse_rule
from mergeguard.lens.unsplit import unsplit
from mergeguard.merge.moved.loose import plain_code
from mergeguard.treemerge.trees import merge_trees
from tests.support import corpus
from tests.support.rules import full_rules


@dataclass(frozen=True)
class Step:
    """One commit (or release step) of upstream's: a file before and after."""

    name: str
    rule: str
    path: str
    before: bytes
    after: bytes


@dataclass
class Count:
    """What a way of merging made of all steps."""

    clean: int = 0
    conflicts: int = 0
    lines: int = 0
    largest: int = 0
    wrong: list[str] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", nargs="?", help="a git directory with upstream's history")
    parser.add_argument("--rules", nargs="*", default=list(corpus.MONOLITHS))
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--releases", action="store_true")
    parser.add_argument("--show", action="store_true", help="a line for each step")
    chosen = parser.parse_args(arguments)
    found = _released(chosen.rules) if chosen.releases else _commits(chosen.repository, chosen.rules)
    counts = {"git": Count(), "follow": Count(), "derived": Count()}
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        repository = Repository.discover(Path(folder))
        for step in found:
            if done == chosen.limit:
                break
            layout = _layout(step)
            if layout is None:
                continue
            done += 1
            said = _replay(repository, step, layout, counts)
            if chosen.show:
                print(f"{step.rule:20} {step.name[:12]:12} {said}", flush=True)
    print(f"\n{done} steps          clean  conflicts  conflict lines  largest  wrong")
    for name, count in counts.items():
        row = f"{count.clean:15} {count.conflicts:10} {count.lines:15} {count.largest:8} {len(count.wrong):6}"
        print(f"{name:8}{row}  {' '.join(count.wrong[:6])}")
    return 0


# -- the steps -----------------------------------------------------------------------------------------


def _commits(git_dir: str, rules: list[str]) -> Iterator[Step]:
    def git(*words: str) -> bytes:
        return subprocess.run(["git", "-C", git_dir, *words], capture_output=True, check=True).stdout

    def text(commit: str, path: str) -> bytes | None:
        shown = subprocess.run(["git", "-C", git_dir, "show", f"{commit}:{path}"], capture_output=True)
        return shown.stdout if shown.returncode == 0 else None

    for rule in rules:
        for path in corpus.MONOLITHS[rule]:
            for line in git("log", "--no-merges", "--format=%H %P", "--", path).decode().splitlines():
                commit, *parents = line.split()
                if len(parents) != 1:
                    continue
                before, after = text(parents[0], path), text(commit, path)
                if before is not None and after is not None and before != after:
                    yield Step(commit, rule, path, before, after)


def _released(rules: list[str]) -> Iterator[Step]:
    for rule in rules:
        last: tuple[str, bytes] | None = None
        for version in corpus.all_versions():
            for path in corpus.MONOLITHS[rule]:
                try:
                    text = corpus.file(version, path)
                except KeyError:
                    continue
                if last is not None and last[0] == path and last[1] != text:
                    yield Step(version, rule, path, last[1], text)
                last = (path, text)


def _rule(name: str) -> tuple[bytes, Rule]:
    text = full_rules()[f"vllm/{name}.toml"]
    return text, parse_rule(text, f"{name}.toml")


def _layout(step: Step) -> Layout | None:
    try:
        return split(_rule(step.rule)[1], step.rule, step.path, step.before, 1)
    except MergeguardError:
        return None


# -- one step ------------------------------------------------------------------------------------------


def _replay(repository: Repository, step: Step, layout: Layout, counts: Mapping[str, Count]) -> str:
    files = {file.path: file.text for file in layout.files}
    base = commit_of(repository, {step.path: step.before}, ())
    theirs = commit_of(repository, {step.path: step.after}, (base,))
    ours = commit_of(repository, files, (base,))
    said = []
    outcome = repository.merge_trees(ours, theirs)
    said.append(_count(counts["git"], repository, step, layout, outcome.tree, bool(outcome.conflicts)))
    merged = merge_trees(repository, (base,), ours, theirs, placed=False)
    said.append(_count(counts["follow"], repository, step, layout, merged.tree, bool(merged.stages)))
    rule_text, _ = _rule(step.rule)
    ruled = {f".mergeguard/rules/{step.rule}.toml": rule_text}
    base2 = commit_of(repository, {step.path: step.before, **ruled}, ())
    whole = Workspace.load(repository, repository.tree_of(base2))
    guarded = whole.rule(step.rule)
    laid = treelens.lay_out(whole, guarded, step.path, step.before)
    edits = treelens.layout_edits(whole, guarded, laid, repository.write_blob(step.before), REGULAR)
    ours = repository.commit_object(treelens.apply(repository, whole.tree, edits), (base2,), "ours\n")
    theirs = commit_of(repository, {step.path: step.after, **ruled}, (base2,))
    merged = merge_trees(repository, (base2,), ours, theirs, placed=False)
    after = Workspace.load(repository, merged.tree, lenient=True)
    count = counts["derived"]
    if merged.stages:
        said.append(_conflict(count, repository, merged.tree))
    elif guarded.name in {g.name for g in after.split_rules}:
        same = after.unsplit(after.rule(step.rule)).monolith == step.after
        said.append(_right(count, step, same))
    else:
        said.append(_right(count, step, repository.read_file(merged.tree, step.path) == step.after))
    return "  ".join(f"{word:>16}" for word in said)


def _count(
    count: Count, repository: Repository, step: Step, layout: Layout, tree: str, conflicts: bool
) -> str:
    if conflicts:
        return _conflict(count, repository, tree)
    _, rule = _rule(step.rule)
    files = {path: repository.read_blob(entry.oid) for path, entry in repository.objects.walk(tree)}
    back = unsplit(layout, files, lambda text: split(rule, step.rule, step.path, text, 1))
    same = _declared(back.monolith) == _declared(step.after)
    return _right(count, step, same or _changed_alike(step, layout, files))


def _changed_alike(step: Step, layout: Layout, files: Mapping[str, bytes]) -> bool:
    """Whether the split's files together lost and got the declarations that upstream's file lost and got:
    what is new may stand in another of the split's files than that from which it is read back."""
    ours: Counter[tuple[object, ...]] = Counter()
    for file in layout.files:
        ours += _declared(file.text)
    merged: Counter[tuple[object, ...]] = Counter()
    for text in files.values():
        merged += _declared(text)
    before, after = _declared(step.before), _declared(step.after)
    return merged - ours == after - before and ours - merged == before - after


def _conflict(count: Count, repository: Repository, tree: str) -> str:
    sizes = [
        size
        for _, entry in repository.objects.walk(tree)
        for size in sizes_of(repository.read_blob(entry.oid))
    ]
    count.conflicts += 1
    count.lines += sum(sizes)
    count.largest = max([count.largest, *sizes])
    return f"conflict {sum(sizes)}"


def sizes_of(text: bytes) -> Iterator[int]:
    start = None
    for number, line in enumerate(text.splitlines()):
        if line.startswith(b"<<<<<<< "):
            start = number
        elif line.startswith(b">>>>>>> ") and start is not None:
            yield number - start - 2
            start = None


def _right(count: Count, step: Step, same: bool) -> str:
    if same:
        count.clean += 1
        return "right"
    count.wrong.append(f"{step.rule}@{step.name[:9]}")
    return "DIFFERENT"


def _declared(text: bytes) -> Counter[tuple[object, ...]]:
    """The declarations with their conditions: two of them may stand in another order in two files."""
    return Counter(
        (leaf.kind, plain_code(leaf), leaf.condition) for leaf in leaves_of(text)[0] if not leaf.placed
    )


def commit_of(repository: Repository, files: Mapping[str, bytes], parents: tuple[str, ...]) -> str:
    entries = {path: Entry(REGULAR, repository.write_blob(text)) for path, text in files.items()}
    return repository.commit_object(repository.edit_tree(None, entries), parents, "step\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
