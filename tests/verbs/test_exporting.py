"""export: what `git am` makes of the patches is the fork's tree as upstream would have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from unidiff import PatchSet

from mergeguard.verbs import splitting, sync
from mergeguard.verbs.patches import exporting
from mergeguard.verbs.patches.exporting import ExportError, Format
from tests.support import corpus
from tests.support.exchange import BODY, KERNEL, LAYOUT, MONOLITH, Pair
from tests.support.rules import full_rules


@pytest.fixture
def pair(tmp_path):
    return Pair.make(tmp_path / "repo")


def exported(pair, folder, revisions=None, form=None, **options):
    here = pair.fork
    series = exporting.series(here, revisions, **options)
    return series, *exporting.write(here, series, folder, form or Format())


def applied(pair, patches):
    """The tree after `git am` of the patches on upstream's tip."""
    pair.on_upstream()
    if patches:
        pair.git("am", "-q", *(p.path for p in patches))
    return pair.git("rev-parse", "HEAD^{tree}")


def edits(pair):
    pair.change(
        KERNEL,
        "  int waves = div2;",
        "  int waves = div2;  // local",
        "Look at mindiv\n\nWith a body.\n\nSigned-off-by: A B <a@example.org>",
        GIT_AUTHOR_NAME="Zoë Müller",
        GIT_AUTHOR_EMAIL="zoe@example.org",
        GIT_AUTHOR_DATE="2025-05-06T07:08:09+0200",
    )
    pair.change(BODY, "        WVSPLIT_TILE(sYT, 3)", "        WVSPLIT_TILE(sYT, 3);", "Arm three")
    pair.change(MONOLITH, "on_gfx12())", "on_gfx12() )", "In the entry")


def test_commit_by_commit(pair, tmp_path):
    edits(pair)
    series, cover, patches = exported(pair, tmp_path / "out")
    assert [p.subject for p in patches] == ["Look at mindiv", "Arm three", "In the entry"]
    assert [i.subject for i in series.left_out] == ["split"]
    assert cover is None
    assert {f for p in patches for f in p.files} == {MONOLITH}
    assert [(p.added, p.removed) for p in patches] == [(1, 1)] * 3
    assert applied(pair, patches) == pair.whole("fork")
    log = pair.git("log", "--reverse", "--format=%an %ae %ad%n%B", "--date=iso", "main..HEAD")
    assert log.startswith(
        "Zoë Müller zoe@example.org 2025-05-06 07:08:09 +0200\n"
        "Look at mindiv\n\nWith a body.\n\nSigned-off-by: A B <a@example.org>\n"
    )


def test_unidiff_reads_and_writes_them(pair, tmp_path):
    edits(pair)
    _, _, patches = exported(pair, tmp_path / "out", squash=True)
    read = PatchSet.from_filename(patches[0].path, encoding="utf-8")
    assert (read.added, read.removed, [f.path for f in read]) == (3, 3, [MONOLITH])
    rewritten = tmp_path / "rewritten.patch"
    rewritten.write_text(str(read))
    pair.on_upstream()
    pair.git("apply", "--index", str(rewritten))
    assert pair.git("write-tree") == pair.whole("fork")


def test_squashed(pair, tmp_path):
    edits(pair)
    series, _, patches = exported(pair, tmp_path / "out", squash=True)
    assert len(patches) == 1
    assert series.tip != series.base
    assert applied(pair, patches) == pair.whole("fork")
    body = pair.git("log", "-1", "--format=%B")
    assert "* Look at mindiv\n* Arm three\n* In the entry" in body


def test_squashed_with_a_message(pair, tmp_path):
    edits(pair)
    _, _, patches = exported(pair, tmp_path / "out", squash=True, message="All of it\n")
    assert patches[0].subject == "All of it"


def test_after_a_merge_of_upstream(pair, tmp_path):
    edits(pair)
    pair.git("checkout", "-q", "main")
    pair.change(MONOLITH, "bool on_gfx1x() {", "// newer\nbool on_gfx1x() {", "upstream: second")
    pair.git("checkout", "-q", "fork")
    assert sync.sync(pair.fork, "main").commit
    pair.change(KERNEL, "return a < b ? a : b;", "return b > a ? a : b;", "After the merge")
    _, _, patches = exported(pair, tmp_path / "out")
    assert [p.subject for p in patches] == [
        "Look at mindiv",
        "Arm three",
        "In the entry",
        "After the merge",
    ]
    assert applied(pair, patches) == pair.whole("fork")


def test_onto_an_upstream_that_is_ahead(pair, tmp_path):
    edits(pair)
    pair.git("checkout", "-q", "main")
    pair.change(MONOLITH, "bool on_gfx1x() {", "// newer\nbool on_gfx1x() {", "upstream: second")
    pair.git("checkout", "-q", "fork")
    _, _, one_by_one = exported(pair, tmp_path / "a")
    tree = applied(pair, one_by_one)
    pair.git("checkout", "-q", "fork")
    _, _, squashed = exported(pair, tmp_path / "b", squash=True)
    assert applied(pair, squashed) == tree
    text = pair.read(MONOLITH)
    assert b"// newer" in text and b"// local" in text


def test_resolutions_of_a_merge_are_a_patch_of_their_own(pair, tmp_path):
    pair.change(KERNEL, "  int waves = div2;", "  int waves = div2 + 0;", "Waves")
    pair.git("checkout", "-q", "main")
    pair.change(MONOLITH, "bool on_gfx1x() {", "// newer\nbool on_gfx1x() {", "upstream: second")
    pair.git("checkout", "-q", "fork")
    sync.sync(pair.fork, "main")
    pair.edit(KERNEL, "div2 + 0;", "div2 + 0 + 0;")
    pair.git("commit", "-q", "-a", "--amend", "--no-edit")
    _, _, patches = exported(pair, tmp_path / "out")
    assert [(p.subject, p.oid is None) for p in patches] == [
        ("Waves", False),
        ("Resolve the fork's edits against upstream", True),
    ]
    assert applied(pair, patches) == pair.whole("fork")


def test_a_commit_that_does_not_apply_is_an_error_that_offers_squash(pair, tmp_path):
    pair.change(KERNEL, "  int waves = div2;", "  int waves = div2 + 1;", "Waves")
    pair.git("checkout", "-q", "main")
    pair.change(MONOLITH, "  int waves = div2;", "  int waves = div1;", "upstream: second")
    pair.git("checkout", "-q", "fork")
    with pytest.raises(ExportError) as failed:
        exporting.series(pair.fork)
    assert "Waves" in str(failed.value) and MONOLITH in str(failed.value)
    assert "--squash" in (failed.value.hint or "")
    with pytest.raises(ExportError, match=r"skinny_gemms\.cu"):
        exporting.series(pair.fork, squash=True)


def test_a_conflict_that_a_merge_resolved_needs_squash(pair, tmp_path):
    pair.change(KERNEL, "  int waves = div2;", "  int waves = div2 + 1;", "Waves")
    pair.git("checkout", "-q", "main")
    pair.change(MONOLITH, "  int waves = div2;", "  int waves = div1;", "upstream: second")
    pair.git("checkout", "-q", "fork")
    assert sync.sync(pair.fork, "main").commit is None
    text = pair.read(KERNEL).decode()
    start, end = text.index("<<<<<<<"), text.index("\n", text.index(">>>>>>>")) + 1
    pair.write(KERNEL, text[:start] + "  int waves = div1 + 1;\n" + text[end:])
    pair.git("commit", "-q", "-a", "--no-edit")
    with pytest.raises(ExportError, match="Waves"):
        exporting.series(pair.fork)
    _, _, patches = exported(pair, tmp_path / "out", squash=True)
    assert applied(pair, patches) == pair.whole("fork")


def test_local_commits_over_real_releases(tmp_path):
    """Edits made at different times, upstream merged in between: the series applies to the newest release."""
    releases = ["0.26.0", "0.27.0", "0.30.0"]
    corpus.repository(releases, tmp_path / "repo")
    pair = Pair.__new__(Pair)
    pair.root = tmp_path / "repo"
    pair.git("config", "mergeguard.upstream", "main")
    pair.git("checkout", "-q", "-b", "fork", "v0.26.0")
    for name in ("skinny_gemms", "skinny_gemms_int4", "attention"):
        pair.write(f".mergeguard/rules/{name}.toml", full_rules()[f"vllm/{name}.toml"])
    _, tree = splitting.split(pair.fork, (), "v0.26.0")
    pair.fork.stage(tree, "split")
    pair.git("commit", "-q", "-m", "split")
    pair.change(KERNEL, "  int nPrRnd = div1 * div2;", "  int nPrRnd = div1 * div2;  // local", "One")
    assert sync.sync(pair.fork, "v0.27.0").commit
    wide = "csrc/rocm/skinny_gemms_int4/dispatch.cuh"
    pair.change(
        wide, 'throw std::runtime_error("Unsupported N value', 'throw std::runtime_error("No such N', "Two"
    )
    assert sync.sync(pair.fork, "v0.30.0").commit
    pair.change(MONOLITH, "torch::Tensor LLMM1(", "// local\ntorch::Tensor LLMM1(", "Three")
    _, _, patches = exported(pair, tmp_path / "out")
    assert [p.subject for p in patches] == ["One", "Two", "Three"]
    assert [p.added for p in patches] == [1, 1, 1]
    assert applied(pair, patches) == pair.whole("fork")


def test_ranges(pair, tmp_path):
    edits(pair)
    subjects = {
        given: [p.subject for p in exported(pair, tmp_path / str(n), given)[2]]
        for n, given in enumerate(["HEAD~1..", "HEAD~1", "HEAD~3..HEAD~1", "HEAD~1^!", "HEAD.."])
    }
    assert subjects == {
        "HEAD~1..": ["In the entry"],
        "HEAD~1": ["In the entry"],
        "HEAD~3..HEAD~1": ["Look at mindiv", "Arm three"],
        "HEAD~1^!": ["Arm three"],
        "HEAD..": [],
    }


def test_nothing_of_mergeguards_own_is_exported(pair, tmp_path):
    pair.write(
        ".gitattributes", "*.cu text\n# mergeguard: begin (x)\n/a merge=mergeguard\n# mergeguard: end\n"
    )
    pair.write(
        ".mergeguard/rules/skinny_gemms.toml", pair.read(".mergeguard/rules/skinny_gemms.toml") + b"\n"
    )
    pair.git("add", "-A")
    pair.git("commit", "-q", "-m", "Attributes")
    _, _, patches = exported(pair, tmp_path / "out")
    assert [p.files for p in patches] == [(".gitattributes",)]
    assert "mergeguard" not in Path(patches[0].path).read_text()


def test_binary_files_renames_modes_and_odd_names(pair, tmp_path):
    pair.write("docs/a b.png", bytes(range(256)) * 8)
    pair.write("docs/empty", b"")
    pair.write('docs/ü "q".txt', "--- a/looks like\n+++ b/a header\n@@ -1 +1 @@\n")
    pair.git("mv", "csrc/rocm/ops.h", "csrc/rocm/operators.h")
    (pair.root / "csrc/cuda_compat.h").chmod(0o755)
    pair.git("add", "-A")
    pair.git("commit", "-q", "-m", "Files of all kinds")
    pair.write("docs/a b.png", bytes(reversed(range(256))) * 8)
    (pair.root / 'docs/ü "q".txt').unlink()
    (pair.root / "docs/link").symlink_to("empty")
    pair.git("add", "-A")
    pair.git("commit", "-q", "-m", "And changes of them")
    _, _, patches = exported(pair, tmp_path / "out")
    assert [len(p.files) for p in patches] == [5, 3]
    assert applied(pair, patches) == pair.whole("fork")


def test_a_monolith_that_moved_upstream(pair, tmp_path):
    edits(pair)
    rule = pair.read(".mergeguard/rules/skinny_gemms.toml")
    line = b'monolith = "csrc/rocm/skinny_gemms.cu"\n'
    rule = rule.replace(line, line + b'also = ["csrc/rocm/gemm/skinny.cu"]\n')
    pair.write(".mergeguard/rules/skinny_gemms.toml", rule)
    pair.git("commit", "-q", "-a", "-m", "Follow it")
    pair.git("checkout", "-q", "main")
    (pair.root / "csrc/rocm/gemm").mkdir()
    pair.git("mv", MONOLITH, "csrc/rocm/gemm/skinny.cu")
    pair.git("commit", "-q", "-m", "upstream: move")
    pair.git("checkout", "-q", "fork")
    assert sync.sync(pair.fork, "main").commit
    _, _, patches = exported(pair, tmp_path / "out")
    assert {f for p in patches for f in p.files} == {"csrc/rocm/gemm/skinny.cu"}
    assert applied(pair, patches) == pair.whole("fork")


def test_hunks_without_a_place_upstream_are_reported(pair, tmp_path):
    shard = LAYOUT + "instantiate_n2.cu"
    pair.write(shard, pair.read(shard) + b"\nstatic int only_here = 1;\n")
    pair.git("commit", "-q", "-a", "-m", "Beside the map")
    series, _, patches = exported(pair, tmp_path / "out")
    assert patches == ()
    assert [h.path for h in series.unmapped] == [shard]


def test_covers_prefixes_and_rerolls_are_gits(pair, tmp_path):
    edits(pair)
    form = Format(cover_letter=True, signoff=True, subject_prefix="PATCH vllm", reroll_count="2")
    _, cover, patches = exported(pair, tmp_path / "out", form=form)
    assert cover is not None and cover.endswith("v2-0000-cover-letter.patch")
    text = Path(patches[1].path).read_text()
    assert "Subject: [PATCH vllm v2 2/3] Arm three" in text
    assert "Signed-off-by: Fork Committer <committer@example.org>" in text


def test_a_mailbox_on_standard_output(pair, tmp_path):
    edits(pair)
    here = pair.fork
    box = exporting.mailbox(here, exporting.series(here), Format())
    pair.on_upstream()
    (tmp_path / "box").write_bytes(box)
    pair.git("am", "-q", str(tmp_path / "box"))
    assert pair.git("rev-parse", "HEAD^{tree}") == pair.whole("fork")


def test_without_an_upstream_a_start_is_enough(pair, tmp_path):
    edits(pair)
    pair.git("config", "--unset", "mergeguard.upstream")
    with pytest.raises(ExportError, match="no upstream"):
        exporting.series(pair.fork)
    _, _, patches = exported(pair, tmp_path / "out", "HEAD~2..")
    assert [p.subject for p in patches] == ["Arm three", "In the entry"]


def test_the_repository_is_left_alone(pair, tmp_path):
    edits(pair)
    before = pair.git("for-each-ref"), pair.git("status", "--porcelain"), pair.git("rev-parse", "HEAD")
    exported(pair, tmp_path / "out")
    assert before == (
        pair.git("for-each-ref"),
        pair.git("status", "--porcelain"),
        pair.git("rev-parse", "HEAD"),
    )


def test_commits_of_glue_and_of_nothing_upstreams_are_left_out(pair, tmp_path):
    """Glue, an empty commit, a rule: each is named; a commit of a kernel and a README keeps both."""
    pair.change(KERNEL, "#pragma once\n", "#pragma once  // ours\n", "Glue")
    pair.git("commit", "-q", "--allow-empty", "-m", "Empty")
    rule = ".mergeguard/rules/skinny_gemms.toml"
    pair.write(rule, b"# ours\n" + pair.read(rule))
    pair.git("commit", "-q", "-a", "-m", "Rule")
    assert exporting.series(pair.fork).commits == ()
    here = pair.fork
    assert exporting.mailbox(here, exporting.series(here), Format(cover_letter=True)) == b""
    assert exporting.write(here, exporting.series(here, squash=True), tmp_path, Format(True)) == (None, ())
    pair.edit(KERNEL, "  int waves = div2;", "  int waves = div2 + 0;")
    pair.write("README.md", "Größe\n".encode())
    pair.git("add", "README.md")
    pair.git("commit", "-q", "-a", "-m", "Waves, and a word", GIT_AUTHOR_NAME="李雷")
    series = exporting.series(here)
    assert [left.subject for left in series.left_out] == ["split", "Glue", "Empty", "Rule"]
    _, (patch,) = exporting.write(here, series, tmp_path, Format())
    assert patch.files == ("README.md", MONOLITH)
    pair.on_upstream()
    pair.git("am", "-q", patch.path)
    assert pair.git("rev-parse", "HEAD^{tree}") == pair.whole("fork")
    assert pair.git("log", "-1", "--format=%an") == "李雷"
