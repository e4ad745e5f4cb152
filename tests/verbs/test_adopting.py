"""adopt: from a fork that was split by hand to a layout that merges, in one staged change."""

from __future__ import annotations

from collections import Counter

import pytest

from mergeguard.adopt.model import AdoptedAs
from mergeguard.cpp.leaves import leaves_of
from mergeguard.errors import LayoutError
from mergeguard.git.objectnames import SHA1
from mergeguard.verbs import adopting, splitting, sync
from mergeguard.verbs import status as statuses
from mergeguard.verbs.adopting import AdoptionRefused
from mergeguard.verbs.patches import exporting
from mergeguard.verbs.patches.exporting import Format
from tests.support import corpus, handmade
from tests.support.exchange import Pair
from tests.support.handmade import ENTRY, FOLDER
from tests.support.rules import full_rules

KERNEL, DISPATCH = FOLDER + "kernel.cuh", FOLDER + "dispatch.cuh"
RULE = ".mergeguard/rules/skinny_gemms.toml"


@pytest.fixture
def pair(tmp_path):
    """A fork with a hand-made split, a rule that is not applied yet, and nothing else of mergeguard's."""
    made = Pair.bare(tmp_path / "repo")
    files = handmade.files(made.read(ENTRY))
    files["csrc/rocm/other.cu"] = b'#include "ops.h"\n\nint unrelated() { return 1; }\n'
    listed = "".join(f'\n    "{FOLDER}instantiate_n{n}.cu"' for n in range(1, 6))
    files["CMakeLists.txt"] = made.read("CMakeLists.txt").replace(
        b'    "csrc/rocm/skinny_gemms.cu"', f'    "csrc/rocm/skinny_gemms.cu"{listed}'.encode()
    )
    made.commit_files({**files}, "Split by hand")
    made.write(RULE, full_rules()["vllm/skinny_gemms.toml"])
    return made


def workspace(pair):
    return pair.fork.work_tree()


def adopted(pair, **options):
    here = pair.fork
    change = adopting.adopted(here, "skinny_gemms", **options)
    adopting.stage(here, change)
    return change


def test_a_pure_split_becomes_the_rules_layout(pair):
    change = adopted(pair)
    assert set(change.files) == set(handmade.files(pair.git("show", f"main:{ENTRY}").encode() + b"\n"))
    assert change.files[0] == ENTRY
    pair.git("commit", "-q", "-m", "adopt")
    whole = pair.git("diff", "--name-only", "main", pair.whole())
    assert whole == "csrc/rocm/other.cu"
    (status,) = statuses.status(pair.fork, None)
    assert (status.state, status.edits, status.unmapped) == ("split", (), ())


def test_the_layout_is_the_one_that_a_split_gives(pair):
    change = adopted(pair)
    pair.git("commit", "-q", "-m", "adopt")
    _, tree = splitting.split(pair.fork, (), None)
    assert tree == pair.git("rev-parse", "HEAD^{tree}") == change.tree


def test_local_edits_are_local_edits_afterwards(pair, tmp_path):
    pair.edit(KERNEL, "int waves = div2;", "int waves = div2 + 0;")
    pair.edit(DISPATCH, "max_lds_len * 1.2)  ", "max_lds_len * 1.5)  ")
    pair.edit(ENTRY, 'N == 1, "one', 'N <= 1, "one')
    pair.git("commit", "-q", "-a", "-m", "Local edits")
    change = adopted(pair)
    assert len(change.adoption.of(AdoptedAs.EDITED)) == 3
    pair.git("commit", "-q", "-m", "adopt")
    here = pair.fork
    _, patches = exporting.write(here, exporting.series(here, squash=True), tmp_path / "out", Format())
    pair.on_upstream()
    pair.git("am", "-q", patches[0].path)
    text = pair.git("diff", "main", "--", ENTRY)
    assert "+  int waves = div2 + 0;" in text and "max_lds_len * 1.5)" in text and "N <= 1" in text
    assert text.count("\n+") == 3 + 1


def test_upstream_merges_from_then_on(pair):
    pair.edit(KERNEL, "int waves = div2;", "int waves = div2 + 0;")
    pair.git("commit", "-q", "-a", "-m", "Local edit")
    adopted(pair)
    pair.git("commit", "-q", "-m", "adopt")
    pair.git("checkout", "-q", "main")
    pair.change(ENTRY, "return a < b ? a : b;", "return b > a ? a : b;", "upstream: second")
    pair.git("checkout", "-q", "fork")
    synced = sync.sync(pair.fork, "main")
    assert synced.commit
    text = pair.read(KERNEL)
    assert b"return b > a" in text and b"div2 + 0" in text


def test_what_can_not_be_placed_is_refused_and_nothing_changed(pair):
    pair.edit(
        ENTRY,
        "    case 5:\n      wv",
        "    case 6:\n      wvSplitK_launch<6>(in_a);\n      break;\n    case 5:\n      wv",
    )
    pair.git("commit", "-q", "-a", "-m", "An arm")
    before = pair.git("write-tree"), pair.git("status", "--porcelain")
    with pytest.raises(AdoptionRefused, match="case 6") as refused:
        adopted(pair)
    assert "--keep-unplaced" in (refused.value.hint or "")
    assert [t.path for t in refused.value.adopted.adoption.unplaced] == [ENTRY]
    assert before == (pair.git("write-tree"), pair.git("status", "--porcelain"))


def test_what_can_not_be_placed_is_kept_as_unmapped_text(pair):
    pair.edit(
        ENTRY,
        "    case 5:\n      wv",
        "    case 6:\n      wvSplitK_launch<6>(in_a);\n      break;\n    case 5:\n      wv",
    )
    pair.git("commit", "-q", "-a", "-m", "An arm")
    change = adopted(pair, keep_unplaced=True)
    (shard,) = change.kept
    assert b"wvSplitK_launch<6>(in_a);" in pair.read(shard)
    pair.git("commit", "-q", "-m", "adopt")
    (status,) = statuses.status(pair.fork, None)
    assert [hunk.path for hunk in status.unmapped] == [shard]


def test_files_may_be_named(pair):
    pair.write("csrc/elsewhere.cuh", b"int mindiv_helper();\n")
    pair.git("add", "-A")
    pair.git("commit", "-q", "-m", "x")
    found = [f for f in handmade.files(pair.git("show", f"main:{ENTRY}").encode() + b"\n") if f != ENTRY]
    with pytest.raises(LayoutError, match="no such file"):
        adopted(pair, files=["csrc/none.cuh"])
    change = adopted(pair, files=found)
    assert set(change.files) == {ENTRY, *found}


def test_other_files_of_the_fork_are_left_alone(pair):
    adopted(pair)
    pair.git("commit", "-q", "-m", "adopt")
    assert pair.read("csrc/rocm/other.cu").startswith(b"#include")
    text = pair.read("CMakeLists.txt").decode()
    assert text.count(FOLDER + "instantiate_n3.cu") == 1


def test_a_rule_that_is_split_is_refused(pair):
    adopted(pair)
    pair.git("commit", "-q", "-m", "adopt")
    with pytest.raises(LayoutError, match="split already"):
        adopted(pair)


def test_without_an_upstream(pair):
    pair.git("config", "--unset", "mergeguard.upstream")
    with pytest.raises(LayoutError, match="no upstream"):
        adopted(pair)
    assert adopted(pair, upstream="main").tree != SHA1.empty_tree


def test_the_split_itself_is_never_exported(pair, tmp_path):
    """Commit by commit, from before the change-over on: only what the fork did to upstream's code."""
    pair.edit(KERNEL, "int waves = div2;", "int waves = div2 + 0;")
    pair.git("commit", "-q", "-a", "-m", "Waves", GIT_AUTHOR_NAME="Zoë")
    pair.edit(DISPATCH, "max_lds_len * 1.2)  ", "max_lds_len * 1.5)  ")
    pair.edit(ENTRY, 'N == 1, "one', 'N <= 1, "one')
    pair.git("commit", "-q", "-a", "-m", "Two more")
    adopted(pair)
    pair.git("commit", "-q", "-m", "adopt")
    pair.edit(KERNEL, "int waves = div2 + 0;", "int waves = div2 + 1;")
    pair.git("commit", "-q", "-a", "-m", "Waves again")
    here = pair.fork
    series = exporting.series(here)
    _, patches = exporting.write(here, series, tmp_path / "out", Format())
    assert [(p.subject, p.files) for p in patches] == [
        ("Split by hand", ("csrc/rocm/other.cu",)),
        ("Waves", (ENTRY,)),
        ("Two more", (ENTRY,)),
        ("Waves again", (ENTRY,)),
    ]
    assert [(p.added, p.removed) for p in patches[1:]] == [(1, 1), (2, 2), (1, 1)]
    assert [left.subject for left in series.left_out] == ["adopt"]
    pair.on_upstream()
    pair.git("am", "-q", *(p.path for p in patches))
    assert pair.git("rev-parse", "HEAD^{tree}") == pair.whole("fork")
    assert pair.git("log", "-1", "--format=%an", "HEAD~2") == "Zoë"


def test_an_edit_that_can_not_be_read_comes_with_the_next_commit(pair, tmp_path):
    """A state of the hand-made split that nobody can place for certain is no patch of its own."""
    arm = "    case 5:\n      wv"
    pair.edit(ENTRY, arm, f"    case 6:\n      wvSplitK_launch<6>(in_a);\n      break;\n{arm}")
    pair.edit(KERNEL, "int waves = div2;", "int waves = div2 + 0;")
    pair.git("commit", "-q", "-a", "-m", "An arm, and waves")
    pair.edit(ENTRY, f"    case 6:\n      wvSplitK_launch<6>(in_a);\n      break;\n{arm}", arm)
    pair.git("commit", "-q", "-a", "-m", "No arm")
    adopted(pair)
    pair.git("commit", "-q", "-m", "adopt")
    here = pair.fork
    _, patches = exporting.write(here, exporting.series(here), tmp_path / "out", Format())
    assert [(p.subject, p.files) for p in patches[1:]] == [("No arm", (ENTRY,))]
    pair.on_upstream()
    pair.git("am", "-q", *(p.path for p in patches))
    assert pair.git("rev-parse", "HEAD^{tree}") == pair.whole("fork")


@pytest.mark.parametrize("version", ["0.30.0"])
def test_a_real_file_there_and_back(tmp_path, version):
    """vLLM's own skinny_gemms.cu, split by hand and tuned: adopted, tuned further, then left again."""
    monolith = corpus.file(version, ENTRY)
    pair = Pair.bare(tmp_path / "repo")
    pair.git("checkout", "-q", "main")
    pair.commit_files({ENTRY: monolith}, "upstream: the release")
    pair.git("checkout", "-q", "-B", "fork", "main")
    files = handmade.files(monolith)
    pair.commit_files({**files}, "Split by hand")
    old, new = "    rnds[i] = (N + nPrRnd - 1) / nPrRnd;", "    rnds[i] = (N + nPrRnd) / nPrRnd;"
    pair.change(KERNEL, old, new, "Round up")
    pair.write(RULE, full_rules()["vllm/skinny_gemms.toml"])
    change = adopted(pair)
    assert [t.item for t in change.adoption.of(AdoptedAs.EDITED)] == ["mindiv"]
    assert not change.adoption.unplaced
    pair.git("commit", "-q", "-m", "adopt")
    tuned = monolith.replace(old.encode(), new.encode())
    before = Counter(leaf.code for leaf in leaves_of(tuned)[0])
    (unsplit,) = [workspace(pair).unsplit(g) for g in workspace(pair).split_rules]
    assert Counter(leaf.code for leaf in leaves_of(unsplit.monolith)[0]) == before
    assert unsplit.monolith == tuned

    pair.change(KERNEL, "#pragma once\n", "#pragma once  // ours\n", "An edit of glue")
    shard = FOLDER + "instantiate_n2.cu"
    pair.write(shard, pair.read(shard) + b"int only_here;\n")
    pair.git("commit", "-q", "-a", "-m", "Text without a place")
    tree, whole, hunks = splitting.leave(pair.fork, ["skinny_gemms"])
    assert (len(hunks), *whole) == (2, "skinny_gemms")
    pair.fork.stage(tree, "leave", splitting.leftovers(pair.fork, ["skinny_gemms"]))
    assert pair.read(ENTRY) == tuned
    assert pair.git("diff", "--cached", "--name-only", "main") == ENTRY
    kept = [path.read_bytes() for path in (pair.root / ".git/mergeguard/dropped").iterdir()]
    assert sorted(b"int only_here;" in patch for patch in kept) == [False, True]
    # Split again, they apply as they are.
    pair.git("checkout", "-q", "HEAD", "--", ".mergeguard/rules")
    _, tree = splitting.split(pair.fork, (), None)
    pair.fork.stage(tree, "split")
    for path in (pair.root / ".git/mergeguard/dropped").iterdir():
        pair.git("apply", "--index", str(path))
    assert pair.git("rev-parse", "HEAD^{tree}") == pair.git("write-tree")
