"""A merge that leaves rules at rest gives what one gives that knows of none, whatever was edited."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergeguard.errors import MergeguardError
from mergeguard.fork import outlining, treelens
from mergeguard.fork.builds import UnitListing
from mergeguard.fork.outlines import Outlines
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git.objects import MODE_EXECUTABLE, MODE_FILE, MODE_SYMLINK, Entry
from mergeguard.treemerge.fates import Fate
from mergeguard.treemerge.trees import merge_trees
from mergeguard.verbs import auditing, layoutaudit
from tests.git.conftest import Sandbox
from tests.support.smallfaults import LEDGER, LEDGER_RULE, STATE, STATE_RULE

RULES = {
    "state": STATE_RULE,
    "twin": STATE_RULE.replace(b"src/state.cu", b"src/twin.cu"),
    "ledger": LEDGER_RULE,
}
#: The twin has a header that is the other's to write, and all three stand in one build list.
FILES = {
    "src/state.cu": STATE.replace(b"#include <cstdio>", b'#include "shared.h"'),
    "src/twin.cu": STATE.replace(b"#include <cstdio>", b'#include "state/limits.h"'),
    "src/ledger.cpp": LEDGER,
    "src/shared.h": b"#pragma once\n#include <cstdio>\n",
    "CMakeLists.txt": b'set(SRC\n  "src/state.cu"\n  "src/twin.cu"\n  "src/ledger.cpp")\nadd_library(k)\n',
}
STATES = {f".mergeguard/rules/{name}.toml": text for name, text in RULES.items()}


class Blind(Outlines):
    """Knows of nothing that it is told."""

    def put(self, guarded, outline):
        pass


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Sandbox(tmp_path_factory.mktemp("resting")).repository


def written(repository, tree, files):
    entries = {p: t and Entry(MODE_FILE, repository.write_blob(t)) for p, t in files.items()}
    return repository.edit_tree(tree, entries)


def split(repository, tree):
    workspace = Workspace.load(repository, tree)
    listings = []
    for guarded in workspace.guarded:
        path = guarded.paths[0]
        laid = treelens.lay_out(workspace, guarded, path, FILES[path])
        upstream = repository.hash_blob(FILES[path])
        tree = repository.edit_tree(tree, treelens.layout_edits(workspace, guarded, laid, upstream))
        listings.append(UnitListing.of(guarded.rule, laid.layout))
    return repository.edit_tree(tree, treelens.list_shards(repository, tree, listings))


@pytest.fixture(scope="module")
def trees(repository):
    """Upstream's tree, and the fork's."""
    upstream = written(repository, None, FILES)
    return upstream, split(repository, written(repository, upstream, STATES))


# -- edits, as (kind, which file, where, which text) ---------------------------------------------------------

TEXTS = (b"// a note\n", b"int added = 1;\n", b'#include "state/one.h"\n', b"\n", b'  "src/more.cu"\n')
KINDS = ("insert", "insert", "insert", "cut", "cut", "remove", "mode", "link", "new")
NEW = (
    "src/state/limits.h",
    "src/state/one.cu",
    "src/twin",
    "src/more.cu",
    "src/shared.cu",
    "src/ledger/x.cu",
)
NUMBERS = st.integers(0, 40)
EDITS = st.lists(st.tuples(st.sampled_from(KINDS), NUMBERS, NUMBERS, st.sampled_from(TEXTS)), max_size=3)
KNOWN = st.sets(st.sampled_from([*RULES]), min_size=2)


def edited(repository, tree, edits):
    """The tree with what of the edits can be made in it."""
    for kind, which, where, text in edits:
        paths = sorted(p for p in repository.list_tree(tree) if "/locks/" not in p)
        path = NEW[which % len(NEW)] if kind == "new" else paths[which % len(paths)]
        entry = repository.entry(tree, path)
        try:
            tree = repository.edit_tree(tree, {path: _edited(repository, kind, entry, where, text)})
        except MergeguardError:
            continue
    return tree


def _edited(repository, kind, entry, where, text):
    if kind == "remove":
        return None
    if kind == "link":
        return Entry(MODE_SYMLINK, repository.write_blob(b"elsewhere"))
    if kind == "new" or entry is None:
        return Entry(MODE_FILE, repository.write_blob(text))
    if kind == "mode":
        return Entry(MODE_EXECUTABLE, entry.oid)
    lines = repository.read_blob(entry.oid).splitlines(keepends=True)
    at = where % (len(lines) + 1)
    lines[at : at + (kind == "cut")] = [] if kind == "cut" else [text]
    return Entry(entry.mode, repository.write_blob(b"".join(lines)))


def merged(repository, base, ours, theirs, splitting):
    """All that a sync finds out of three commits, or why there is none."""
    try:
        found = merge_trees(repository, (base,), ours, theirs, splitting=splitting)
        audited = auditing.audit_commits(repository, (base,), ours, theirs, found.tree, splitting=splitting)
        layouts = layoutaudit.findings(repository, ours, theirs, found.tree, splitting)
    except MergeguardError as error:
        return str(error)
    return found, audited, layouts


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS, EDITS, st.booleans(), KNOWN)
def test_it_gives_what_a_merge_of_all_rules_gives(repository, trees, ours, theirs, both_split, known):
    upstream, fork = trees
    ours = edited(repository, fork, ours)
    theirs = edited(repository, fork if both_split else upstream, theirs)
    base = repository.commit_object(fork if both_split else upstream, (), "base\n")
    ours, theirs = (repository.commit_object(tree, (base,), "side\n") for tree in (ours, theirs))
    knowing = Splitting()
    for commit in (base, ours, theirs):
        try:
            outlining.know(Workspace.load(repository, repository.tree_of(commit), knowing), known)
        except MergeguardError:
            continue

    by_outlines = merged(repository, base, ours, theirs, knowing.with_trees_anew())
    by_lens = merged(repository, base, ours, theirs, Splitting(outlines=Blind()))

    assert by_outlines == by_lens


@pytest.mark.parametrize("limit", [b"3", b"4"])
def test_rules_that_nobody_touched_are_not_read(repository, trees, monkeypatch, limit):
    upstream, fork = trees
    text = repository.read_file(fork, "src/state/common.h").replace(b"kLimit = 3", b"kLimit = " + limit)
    fork = written(repository, fork, {"src/state/common.h": text})
    changed = written(repository, upstream, {"src/ledger.cpp": LEDGER + b"// of upstream\n"})
    base = repository.commit_object(upstream, (), "base\n")
    ours, theirs = (repository.commit_object(tree, (base,), "side\n") for tree in (fork, changed))
    knowing = Splitting()
    outlining.know(Workspace.load(repository, fork, knowing))
    read = set()
    before = Workspace.unsplit

    def unsplit(workspace, guarded):
        read.add(guarded.name)
        return before(workspace, guarded)

    monkeypatch.setattr(Workspace, "unsplit", unsplit)

    found = merge_trees(repository, (base,), ours, theirs, splitting=knowing.with_trees_anew())

    assert read == {"ledger"}
    assert {rule.name: rule.state for rule in found.rules} == {
        "state": Fate.UNCHANGED,
        "twin": Fate.UNCHANGED,
        "ledger": Fate.MERGED,
    }
    assert sum(e.added for rule in found.rules for e in rule.replayed) == (limit != b"3")


def test_they_are_known_to_the_next_process(repository, trees, tmp_path):
    _, fork = trees
    first = Workspace.load(repository, fork, Splitting(outlines=Outlines(tmp_path)))
    outlining.know(first)
    again = Workspace.load(repository, fork, Splitting(outlines=Outlines(tmp_path)))

    for guarded, known in zip(first.guarded, again.guarded, strict=True):
        found = again.outline(known)
        assert found is not None and found.is_settled
        assert known.lock == guarded.lock and known.paths == guarded.rule.paths()
        assert found.monolith == repository.hash_blob(first.unsplit(guarded).monolith)
        assert set(found.entries) == {file.path for file in first.unsplit(guarded).layout.files}
    (file,) = (tmp_path / "outlines").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    cut = Workspace.load(repository, fork, Splitting(outlines=Outlines(tmp_path)))
    assert [cut.outline(guarded) for guarded in cut.guarded] == [None] * 3
