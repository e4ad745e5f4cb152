"""import: a patch against upstream's file lands in the layout as if it had been applied before the split."""

from __future__ import annotations

import pytest

from mergeguard.errors import LayoutError, RuleMismatch
from mergeguard.verbs.patches import exporting, importing
from mergeguard.verbs.patches.exporting import Format
from mergeguard.verbs.patches.importing import PatchRejected
from tests.support.exchange import BODY, KERNEL, LAYOUT, MONOLITH, Pair


@pytest.fixture
def pair(tmp_path):
    return Pair.make(tmp_path / "repo")


def upstream_patch(pair, *edits, message="Upstream's change\n\nBecause.", plain=False):
    """A pull request against upstream: its patch, and the monolith that upstream would have with it."""
    pair.git("checkout", "-q", "-b", "pull", "main")
    for path, old, new in edits:
        pair.edit(path, old, new)
    pair.git(
        "commit", "-q", "-a", "-m", message, GIT_AUTHOR_NAME="Zoë", GIT_AUTHOR_DATE="2025-05-06T07:08:09+0200"
    )
    patch = pair.git("diff", "HEAD~1", "HEAD") if plain else pair.git("format-patch", "--stdout", "-1")
    tree = pair.git("rev-parse", "HEAD^{tree}")
    pair.git("checkout", "-q", "fork")
    return (patch + "\n").encode(), tree


def staged(pair, *patches, **options):
    here = pair.fork
    named = [(str(n), m) for n, p in enumerate(patches) for m in importing.read(here, str(n), p)]
    result = importing.apply(here.staged(), named, **options)
    importing.stage(here, result)
    return result


EDITS = (
    (MONOLITH, "  int waves = div2;", "  int waves = div2 + 0;"),
    (MONOLITH, "        WVSPLIT_TILE(sYT, 3)", "        WVSPLIT_TILE(sYT, 3);"),
    (MONOLITH, "on_gfx12())   ", "on_gfx12() )  "),
)


def test_hunks_land_in_their_files(pair):
    patch, _ = upstream_patch(pair, *EDITS)
    result = staged(pair, patch)
    assert {(t.path, t.added, t.removed) for t in result.touched} == {
        (KERNEL, 1, 1),
        (BODY, 1, 1),
        (MONOLITH, 1, 1),
    }
    assert pair.git("diff", "--name-only") == ""
    assert set(pair.git("diff", "--cached", "--name-only").split()) == {KERNEL, BODY, MONOLITH}
    pair.git("commit", "-q", "-m", "x")
    assert pair.whole() == pair.git("rev-parse", "pull^{tree}")


def test_plain_diffs_and_other_files(pair):
    patch, tree = upstream_patch(
        pair, EDITS[0], ("csrc/rocm/ops.h", "#pragma once", "#pragma once\n// more"), plain=True
    )
    staged(pair, patch)
    pair.git("commit", "-q", "-m", "x")
    assert pair.whole() == tree


def test_local_edits_and_overlays_stay(pair):
    pair.change(KERNEL, "return a < b ? a : b;", "return a < b ? a : b;  // local")
    shard = LAYOUT + "instantiate_n2.cu"
    pair.write(shard, b"// overlay\n" + pair.read(shard))
    pair.git("commit", "-q", "-a", "-m", "overlay")
    patch, _ = upstream_patch(pair, *EDITS)
    staged(pair, patch)
    assert b"a : b;  // local" in pair.read(KERNEL) and b"int waves = div2 + 0;" in pair.read(KERNEL)
    assert pair.read(shard).startswith(b"// overlay\n")


def test_an_added_arm_goes_to_the_rest_and_the_shards_stay_listed(pair):
    arm = "        WVSPLIT_TILE(sYT, 5)\n        break;\n"
    patch, _ = upstream_patch(
        pair,
        (
            MONOLITH,
            arm,
            arm + arm.replace("5", "6").replace("    ", "      case 6:\n    ", 1),
        ),
        ("CMakeLists.txt", '    "csrc/rocm/attention.cu")', '    "csrc/rocm/attention.cu"\n    "new.cu")'),
    )
    result = staged(pair, patch)
    assert any("6" in note for note in result.notes)
    text = pair.read("CMakeLists.txt").decode()
    assert '"new.cu"' in text and LAYOUT + "instantiate_n5.cu" in text


@pytest.mark.parametrize("blobs", ["known", "unknown"])
def test_local_edits_around_a_hunk_do_not_keep_it_out(pair, blobs):
    """Merged over the text that it was made on: the patch's blobs, or else upstream's text of the lock."""
    pair.change(KERNEL, "  while (waves > 1", "  while (waves  > 1")
    patch, _ = upstream_patch(pair, (MONOLITH, "  int waves = div2;\n", "  int waves = div2;\n  // theirs\n"))
    staged(pair, patch if blobs == "known" else patch.replace(b"index ", b"index 0"))
    text = pair.read(KERNEL)
    assert b"  // theirs\n  while (waves  > 1" in text


def test_offsets_and_less_context(pair):
    """Written against another upstream, which nobody here has fetched: lines moved, and others around it."""
    pair.git("checkout", "-q", "main")
    pair.change(MONOLITH, "struct scalar {};", "struct scalar {};\n\n// further down\n", "main: longer")
    pair.change(MONOLITH, "// The fewest waves", "// The very fewest waves", "main: wording")
    patch, _ = upstream_patch(pair, (MONOLITH, "int mindiv(int N,", "int mindiv(const int N,"))
    pair.git("checkout", "-q", "fork")
    unknown = patch.replace(b"index ", b"index 0")
    with pytest.raises(PatchRejected) as failed:
        staged(pair, unknown)
    assert "-C 1" in (failed.value.hint or "")
    staged(pair, unknown, context=0)
    assert b"\nint mindiv(const int N," in pair.read(KERNEL)
    assert b"The fewest waves" in pair.read(KERNEL), "only the change comes, not what is around it"


GITHUB = b"""From %s Mon Sep 17 00:00:00 2001
From: =?UTF-8?q?Zo=C3=AB?= <zoe@users.noreply.github.com>
Date: Tue, 6 May 2025 07:08:09 +0200
Subject: [PATCH %d/2] [Kernel] =?UTF-8?q?Waves=20f=C3=BCr=20alle?=

%s

Signed-off-by: =?UTF-8?q?Zo=C3=AB?= <zoe@users.noreply.github.com>
---
 csrc/rocm/skinny_gemms.cu | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

"""


def test_a_pull_request_as_github_serves_it(pair):
    """`.patch` (a mailbox of its commits, subjects encoded) and `.diff` (abbreviated blobs nobody has)."""
    pair.git("checkout", "-q", "-b", "pull", "main")
    commits = [pair.change(*edit, "x") for edit in EDITS[:2]]
    diffs = [pair.git("diff", "--abbrev=10", f"{oid}~1", oid).encode() + b"\n" for oid in commits]
    whole = pair.git("diff", "--abbrev=10", "main", "pull").encode() + b"\n"
    pair.git("checkout", "-q", "fork")
    box = b"".join(
        GITHUB % (oid.encode(), n, b"First" if n == 1 else b"Second") + diff + b"\n"
        for n, (oid, diff) in enumerate(zip(commits, diffs, strict=True), 1)
    )
    here = pair.fork
    named = [("1.patch", mail) for mail in importing.read(here, "1.patch", box)]
    assert len(importing.commit(here, importing.apply(importing.clean_workspace(here), named))) == 2
    assert pair.whole() == pair.git("rev-parse", "pull^{tree}")
    log = pair.git("log", "-2", "--reverse", "--format=%an|%s|%b").splitlines()
    assert log[0] == "Zoë|[Kernel] Waves für alle|First"
    assert "Signed-off-by: " in log[2]
    tree = pair.git("rev-parse", "HEAD^{tree}")
    pair.git("reset", "-q", "--hard", "HEAD~2")
    staged(pair, whole.replace(b"index ", b"index f"))
    assert pair.git("write-tree") == tree


def test_rejected_hunks_are_named_and_nothing_is_changed(pair):
    patch, _ = upstream_patch(pair, *EDITS)
    pair.change(KERNEL, "  int waves = div2;", "  int waves = 17;")
    before = pair.git("rev-parse", "HEAD"), pair.git("write-tree"), pair.git("status", "--porcelain")
    with pytest.raises(PatchRejected) as failed:
        staged(pair, patch.replace(b"index ", b"index 0"))
    assert [(r.path, r.header.split()[1].split(",")[0]) for r in failed.value.rejected] == [
        (MONOLITH, "-242")
    ]
    assert before == (
        pair.git("rev-parse", "HEAD"),
        pair.git("write-tree"),
        pair.git("status", "--porcelain"),
    )


def test_conflicts_with_local_edits_are_named(pair):
    patch, _ = upstream_patch(pair, *EDITS)
    pair.change(KERNEL, "  int waves = div2;", "  int waves = 17;")
    with pytest.raises(PatchRejected, match="conflicts") as failed:
        staged(pair, patch)
    assert [r.path for r in failed.value.rejected] == [MONOLITH]
    assert pair.git("status", "--porcelain") == ""


def test_one_bad_patch_keeps_the_good_ones_out(pair):
    good, _ = upstream_patch(pair, EDITS[0])
    bad = b"diff --git a/nowhere b/nowhere\n--- a/nowhere\n+++ b/nowhere\n@@ -1 +1 @@\n-a\n+b\n"
    with pytest.raises(PatchRejected) as failed:
        staged(pair, good, bad)
    assert failed.value.rejected[0].path == "nowhere"
    assert pair.git("status", "--porcelain") == ""


def test_patches_against_the_layout_are_recognised(pair):
    pair.change(KERNEL, "  int waves = div2;", "  int waves = 17;")
    patch = (pair.git("diff", "HEAD~1", "HEAD") + "\n").encode()
    pair.git("reset", "-q", "--hard", "HEAD~1")
    with pytest.raises(PatchRejected) as failed:
        staged(pair, patch)
    assert "git apply" in (failed.value.hint or "")


def test_a_patch_that_deletes_the_monolith_is_refused(pair):
    pair.git("checkout", "-q", "-b", "pull", "main")
    pair.git("rm", "-q", MONOLITH)
    pair.git("commit", "-q", "-m", "gone")
    patch = (pair.git("format-patch", "--stdout", "-1") + "\n").encode()
    pair.git("checkout", "-q", "fork")
    with pytest.raises(RuleMismatch, match="skinny_gemms"):
        staged(pair, patch)
    assert pair.git("status", "--porcelain") == ""


def test_a_file_that_would_replace_one_of_the_layout_is_refused(pair):
    patch, _ = upstream_patch(pair, EDITS[0])
    pair.git("checkout", "-q", "pull")
    pair.commit_files({KERNEL: b"// upstream splits it, too\n"}, "Upstream's own split")
    patch = (pair.git("format-patch", "--stdout", "-1") + "\n").encode()
    pair.git("checkout", "-q", "fork")
    with pytest.raises(LayoutError, match="layout"):
        staged(pair, patch)
    assert pair.git("status", "--porcelain") == ""


def test_junk_is_refused(pair):
    with pytest.raises(PatchRejected, match="no patch"):
        importing.read(pair.fork, "x", b"From: a@b\nSubject: x\n\nHello\n")


def test_commits_keep_what_the_mail_says(pair):
    pair.git("checkout", "-q", "-b", "pull", "main")
    pair.change(
        *EDITS[0], "First\n\nBody.", GIT_AUTHOR_NAME="Zoë", GIT_AUTHOR_DATE="2025-05-06T07:08:09+0200"
    )
    pair.change(*EDITS[1], "Second")
    box = (pair.git("format-patch", "--stdout", "--cover-letter", "main") + "\n").encode()
    pair.git("checkout", "-q", "fork")
    here = pair.fork
    named = [("box", mail) for mail in importing.read(here, "box", box)]
    commits = importing.commit(here, importing.apply(importing.clean_workspace(here), named))
    assert len(commits) == 2
    assert pair.git("log", "-2", "--reverse", "--format=%an|%ad|%cn|%B", "--date=iso").splitlines() == [
        "Zoë|2025-05-06 07:08:09 +0200|Fork Committer|First",
        "",
        "Body.",
        "",
        "Fork Author|2026-01-02 03:04:05 +0000|Fork Committer|Second",
    ]
    assert pair.git("status", "--porcelain") == ""
    assert pair.whole() == pair.git("rev-parse", "pull^{tree}")
    assert pair.git("diff", "--name-only", "HEAD~2", "HEAD~1") == KERNEL


def test_committing_wants_an_index_without_changes_and_a_message(pair):
    patch, _ = upstream_patch(pair, EDITS[0], plain=True)
    here = pair.fork
    done = importing.apply(importing.clean_workspace(here), [("p", importing.read(here, "p", patch)[0])])
    with pytest.raises(LayoutError, match="no message"):
        importing.commit(here, done)
    pair.write("csrc/new.h", "x")
    pair.git("add", "csrc/new.h")
    with pytest.raises(LayoutError, match=r"new\.h"):
        importing.clean_workspace(pair.fork)


def test_what_one_fork_exports_another_imports(pair, tmp_path):
    pair.change(KERNEL, "  int waves = div2;", "  int waves = div2 + 0;", "Waves")
    pair.change(BODY, "        WVSPLIT_TILE(sYT, 3)", "        WVSPLIT_TILE(sYT, 3);", "Arm")
    here = pair.fork
    box = exporting.mailbox(here, exporting.series(here), Format())
    whole, layout = pair.whole(), pair.git("rev-parse", "HEAD^{tree}")
    pair.git("reset", "-q", "--hard", "HEAD~2")
    here = pair.fork
    named = [("box", mail) for mail in importing.read(here, "box", box)]
    importing.commit(here, importing.apply(importing.clean_workspace(here), named))
    assert (pair.whole(), pair.git("rev-parse", "HEAD^{tree}")) == (whole, layout)


def test_line_endings_survive(tmp_path):
    pair = Pair.make(tmp_path / "crlf", crlf=True)
    assert b"\r\n" in pair.read(KERNEL)
    pair.git("checkout", "-q", "-b", "pull", "main")
    pair.edit(MONOLITH, "int waves = div2;", "int waves = div2 + 0;")
    pair.git("commit", "-q", "-a", "-m", "p")
    pair.git("format-patch", "-1", "-o", str(tmp_path))
    pair.git("checkout", "-q", "fork")
    staged(pair, (tmp_path / "0001-p.patch").read_bytes())
    assert b"int waves = div2 + 0;\r\n" in pair.read(KERNEL)
    pair.git("commit", "-q", "-m", "x")
    assert pair.whole() == pair.git("rev-parse", "pull^{tree}")
