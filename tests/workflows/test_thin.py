"""A fork with thin shards through its life: edits of both sides, and upstream's own version of its file."""

from __future__ import annotations

import json

from tests.support.layouts import FORK, Case
from tests.support.story import Story, git

INT4 = "csrc/rocm/skinny_gemms_int4"
BODY = f"{INT4}/dispatch.cuh"


def add_and_split(story: Story) -> None:
    assert story.run("rules", "add", "vllm/skinny_gemms_int4").code == 0
    assert story.run("split").code == 0
    story.commits("split")


def is_clean(story: Story) -> None:
    checked = story.run("check")
    assert checked.code == 0, checked.out
    (row,) = json.loads(story.run("status", "--json").out)["rules"]
    assert row["drift"] == {"added": 0, "removed": 0}


def test_edits_of_both_sides_meet_in_the_launch_functions(tmp_path):
    story = Story.begin(tmp_path)
    add_and_split(story)
    story.edit(
        BODY, "      WVSPLIT_INT4G_GS(1, 4, __N, _HAS_ZP)", "      WVSPLIT_INT4G_GS(1, 8, __N, _HAS_ZP)"
    )
    story.edit(
        f"{INT4}.cu",
        "  auto K_in = in_b.size(1);\n  auto N",
        "  auto K_in = in_b.size(1);  // ours\n  auto N",
    )
    story.commits("tune")
    monolith = f"{INT4}.cu"
    # A new argument of the launches, from a new local: the interface grows by itself.
    story.edit(
        monolith,
        "  dim3 grid(CuCount);\n\n// _HAS_ZP",
        "  dim3 grid(CuCount);\n  const int pad = 0;\n\n// _HAS_ZP",
        upstream=True,
    )
    text = (story.upstream / monolith).read_text()
    text = text.replace("    dim3 block(_THRDS, 16);     ", "    dim3 block(_THRDS, 16 + pad);")
    (story.upstream / monolith).write_text(text)
    story.upstream_commits("pad")
    story.fetch()

    ran = story.run("sync", "upstream/main")

    assert ran.code == 0, ran.out
    body, entry = story.text(BODY), story.text(monolith)
    assert "WVSPLIT_INT4G_GS(1, 8, __N, _HAS_ZP)" in body and "16 + pad" in body
    assert body.count("    const int pad,\n") == 2 and "// ours" in entry
    assert " pad, " in entry.partition("MG_LAUNCH")[2]
    is_clean(story)


def test_upstreams_own_version_arrives_and_the_layout_is_derived_again(tmp_path):
    """The fork's file has its macros at file scope and a sweep; upstream's, new there, is another text."""
    story = Story.begin(tmp_path)
    theirs = (story.upstream / f"{INT4}.cu").read_bytes()
    git(story.upstream, "rm", "-q", f"{INT4}.cu")
    story.upstream_commits("without it")
    story.fetch()
    git(story.fork, "reset", "-q", "--hard", "upstream/main")
    story.write(f"{INT4}.cu", Case("skinny_gemms_int4", FORK).text)
    story.commits("our kernel")
    add_and_split(story)
    assert "wvSplitK_int4_g_text_1" not in story.text(BODY)  # the macros are at file scope
    (story.upstream / f"{INT4}.cu").write_bytes(theirs)
    story.upstream_commits("a kernel of upstream's")
    story.fetch()

    ran = story.run("sync", "upstream/main")

    # What only the fork's version had is named; the layout is upstream's text, parted.
    assert ran.code == 1 and "upstream has it now, too" in ran.out
    assert "what our side added in wvSplitK_int4g_sweep is gone" in ran.out
    assert "#define WVSPLIT_INT4G_DISPATCH(_HAS_ZP)" in story.text(BODY)
    assert story.run("unsplit", "skinny_gemms_int4").out.encode() == theirs
    (row,) = json.loads(story.run("status", "--json").out)["rules"]
    assert row["drift"] == {"added": 0, "removed": 0}
