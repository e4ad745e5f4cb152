"""Putting the layout together again: what the user did to glue, with the glue that is derived now."""

from __future__ import annotations

from mergeguard.lens.emit import split
from mergeguard.lens.overlay import recompose
from mergeguard.lens.unsplit import unsplit
from mergeguard.merge import merge
from tests.support.layouts import Case, shipped_rule

PAGED = Case("paged_attention_v1", None)
FOLDER = "csrc/libtorch_stable/attention/paged_attention_v1/"


def test_an_overlay_is_carried_to_the_next_monolith():
    layout = PAGED.split(PAGED.text)
    shard = FOLDER + "shard_small.cu"
    now = {f.path: f.text for f in layout.files} | {shard: b"// local\n" + layout.by_path[shard].text}
    before = unsplit(layout, now, PAGED.split)
    upstream = PAGED.split(PAGED.text.replace(b"kv_cache_dtype", b"cache_dtype"))
    again = recompose(before, now, upstream, merge)
    assert not again.conflicts and not again.removed
    assert again.files[shard] == b"// local\n" + upstream.by_path[shard].text
    assert all(again.files[f.path] == f.text for f in upstream.files if f.path != shard)


def test_glue_changed_on_both_sides_is_a_conflict():
    layout = PAGED.split(PAGED.text)
    launch = FOLDER + "launch.h"
    old = b"    const std::string& kv_cache_dtype,\n"
    mine = layout.by_path[launch].text.replace(old, b"    std::string_view kv_cache_dtype,\n")
    now = {f.path: f.text for f in layout.files} | {launch: mine}
    before = unsplit(layout, now, PAGED.split)
    upstream = PAGED.split(PAGED.text.replace(b"kv_cache_dtype", b"cache_dtype"))
    again = recompose(before, now, upstream, merge)
    result = again.conflicts.get(launch)
    merged = again.files[launch]
    assert b"std::string_view" in merged
    # Either a conflict, or both edits of the parameter in one.
    assert result is not None or b"std::string_view cache_dtype" in merged


def test_a_file_of_the_old_layout_alone_goes_unless_it_was_edited():
    layout = PAGED.split(PAGED.text)
    small = FOLDER + "shard_small.cu"
    smaller = PAGED.text
    for size in (b"32", b"64", b"80"):
        arm = b"    case %s:\n      LAUNCH_PAGED_ATTENTION_V1(%s);\n      break;\n" % (size, size)
        assert arm in smaller
        smaller = smaller.replace(arm, b"")
    upstream = PAGED.split(smaller)
    assert small not in upstream.by_path
    now = {f.path: f.text for f in layout.files}
    again = recompose(unsplit(layout, now, PAGED.split), now, upstream, merge)
    assert again.removed == (small,) and small not in again.files
    now[small] += b"// mine\n"
    again = recompose(unsplit(layout, now, PAGED.split), now, upstream, merge)
    assert again.files[small] == now[small] and small in again.conflicts


def test_files_follow_a_renamed_monolith():
    layout = PAGED.split(PAGED.text)
    small = FOLDER + "shard_small.cu"
    now = {f.path: f.text for f in layout.files} | {small: b"// local\n" + layout.by_path[small].text}
    before = unsplit(layout, now, PAGED.split)
    there = "csrc/attention/paged_attention_v1.cu"
    moved = split(shipped_rule("paged_attention_v1"), "paged_attention_v1", there, PAGED.text)
    again = recompose(before, now, moved, merge)
    assert set(again.files) == {f.path for f in moved.files}
    assert again.files["csrc/attention/paged_attention_v1/shard_small.cu"].startswith(b"// local\n")
