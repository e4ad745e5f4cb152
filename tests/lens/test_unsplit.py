"""unsplit, case by case: where an edit of a layout goes, and what is said about one that goes nowhere."""

from __future__ import annotations

import pytest

from mergeguard.lens.hunks import Reason
from mergeguard.lens.overlay import recompose
from mergeguard.lens.unsplit import unsplit
from mergeguard.merge import merge
from tests.support.layouts import Case

PAGED = Case("paged_attention_v1", None)
INT4 = Case("skinny_gemms_int4", None)
ATTENTION = Case("attention", None)
SCAN = Case("selective_scan_fwd", None)


def edited(case, name, old, new, count=1):
    """unsplit of the layout with ``old`` replaced by ``new`` in one file (by the end of its path)."""
    layout = case.split(case.text)
    (file,) = (f for f in layout.files if f.path.endswith(name))
    assert file.text.count(old) >= 1, old
    files = {f.path: f.text for f in layout.files} | {file.path: file.text.replace(old, new, count)}
    result = unsplit(layout, files, case.split)
    again = recompose(result, files, result.layout, merge)
    return result, files, again.files, file.path


@pytest.mark.parametrize(
    ("case", "name", "old", "new"),
    [
        # In an arm between guards, in a macro's arm, in a kernel, in a launch macro, in the entry.
        (PAGED, "dispatch.cuh", b"LAUNCH_PAGED_ATTENTION_V1(64);", b"LAUNCH_PAGED_ATTENTION_V1(64 /* x */);"),
        (
            INT4,
            "dispatch.cuh",
            b"WVSPLIT_INT4G_TILE(sYT, 2, _HAS_ZP) break; ",
            b"WVSPLIT_INT4G_TILE(9, 2, 1) break;",
        ),
        (INT4, "kernel.cuh", b"row[k / 2] >> 4", b"row[k / 2] / 16"),
        (PAGED, "common.h", b"max_seq_len,     \\\n", b"max_seq_len, 1,  \\\n"),
        (PAGED, "paged_attention_v1.cu", b"#undef MIN\n", b"#undef MIN  // gone\n"),
        (SCAN, "shard_bf16.cu", b"BFloat16, float, float>", b"BFloat16, float, double>"),
    ],
)
def test_text_of_the_monolith_is_edited_where_it_stands(case, name, old, new):
    result, files, again, _ = edited(case, name, old, new)
    assert result.monolith == case.text.replace(old, new, 1)
    assert not result.hunks
    assert again == files


def test_a_new_arm_goes_to_the_shard_of_the_rest():
    arm = b"    case 512:\n      LAUNCH_PAGED_ATTENTION_V1(512);\n      break;\n"
    after = b"#endif  // MG_SHARD_shard_large\n"
    result, _, again, path = edited(PAGED, "dispatch.cuh", after, after + arm)
    assert not result.hunks
    before_default = PAGED.text.index(b'    default:\n      STD_TORCH_CHECK(false, "Unsupported head size')
    assert result.monolith == PAGED.text[:before_default] + arm + PAGED.text[before_default:]
    # The guard of the shard that serves it follows.
    assert arm + after in again[path]


def test_an_arm_with_its_guards_may_move():
    layout = PAGED.split(PAGED.text)
    (file,) = (f for f in layout.files if f.path.endswith("dispatch.cuh"))
    start, end = file.text.index(b"#if defined(MG_SHARD_shard_small)"), file.text.index(b"    default:")
    small = file.text[start : file.text.index(b"#if defined(MG_SHARD_shard_medium)")]
    moved = file.text[:start] + file.text[start + len(small) : end] + small + file.text[end:]
    files = {f.path: f.text for f in layout.files} | {file.path: moved}
    result = unsplit(layout, files, PAGED.split)
    assert not result.hunks
    assert result.layout.by_path[file.path].text == moved


def test_the_linkage_word_that_a_user_types_is_not_the_monoliths():
    layout = INT4.split(INT4.text)
    (file,) = (f for f in layout.files if f.path.endswith("kernel.cuh"))
    typed = b"\ninline\nint mg_used(int a) { return a; }\n"
    use = b"WVSPLIT_INT4G_TILE(sYT, 1, _HAS_ZP) break; "
    (body,) = (f for f in layout.files if f.path.endswith("dispatch.cuh"))
    files = {
        file.path: file.text + typed,
        body.path: body.text.replace(use, b"mg_used(1); break;" + b" " * 25),
    }
    result = unsplit(layout, files, INT4.split)
    assert not result.hunks
    assert b"\nint mg_used(int a) { return a; }\n" in result.monolith
    assert b"inline\nint mg_used" not in result.monolith
    assert typed in result.layout.by_path[file.path].text


@pytest.mark.parametrize(
    ("case", "name", "old", "new"),
    [
        (
            PAGED,
            "dispatch.cuh",
            b"#if defined(MG_SHARD_shard_small)",
            b"#if defined(MG_SHARD_shard_small) || 1",
        ),
        (PAGED, "launch.h", b"#pragma once\n", b"#pragma once\n// local\n"),
        (PAGED, "shard_small.cu", b'#include "dispatch.cuh"\n', b'#define X\n#include "dispatch.cuh"\n'),
        (
            PAGED,
            "paged_attention_v1.cu",
            b"  switch (query.size(2)) {",
            b"  count();\n  switch (query.size(2)) {",
        ),
    ],
)
def test_edited_glue_is_an_overlay(case, name, old, new):
    result, files, again, path = edited(case, name, old, new)
    assert result.monolith == case.text
    assert [h.reason for h in result.overlay] == [Reason.GLUE] and not result.unmapped
    assert result.kept[path] == case.split(case.text).by_path[path].text
    assert again == files


def test_text_without_a_home_is_reported_and_kept():
    result, files, again, path = edited(
        PAGED, "shard_small.cu", b'"dispatch.cuh"\n', b'"dispatch.cuh"\nint mine;\n'
    )
    (hunk,) = result.unmapped
    assert (hunk.path, hunk.line, hunk.new) == (path, 4, b"int mine;\n")
    assert hunk.reason is Reason.NO_HOME
    assert again == files


def test_what_breaks_the_file_is_reported_with_the_reason():
    result, files, again, _ = edited(PAGED, "dispatch.cuh", b"  dim3 grid", b"  {{{ dim3 grid")
    (hunk,) = result.unmapped
    assert hunk.reason is Reason.REFUSED and "bracket" in hunk.detail
    assert result.monolith == PAGED.text
    assert again == files


def test_one_bad_edit_does_not_hold_up_the_others():
    layout = PAGED.split(PAGED.text)
    (file,) = (f for f in layout.files if f.path.endswith("dispatch.cuh"))
    text = file.text.replace(b"  dim3 grid", b"  {{{ dim3 grid").replace(
        b"  switch (head", b"  /*ok*/ switch (head"
    )
    text = text.replace(b"LAUNCH_PAGED_ATTENTION_V1(32);", b"LAUNCH_PAGED_ATTENTION_V1(33);")
    result = unsplit(layout, {file.path: text}, PAGED.split)
    assert len(result.unmapped) == 1
    assert b"/*ok*/" in result.monolith and b"_V1(33);" in result.monolith and b"{{{" not in result.monolith


def test_a_removed_file_is_not_a_removal_of_its_text():
    layout = PAGED.split(PAGED.text)
    path = next(f.path for f in layout.files if f.path.endswith("common.h"))
    result = unsplit(layout, {path: None}, PAGED.split)
    assert result.monolith == PAGED.text
    (hunk,) = result.hunks
    assert hunk.reason is Reason.FILE_REMOVED and hunk.path == path
    again = recompose(result, {path: None}, result.layout, merge)
    assert path in again.removed and path not in again.files


def test_glue_that_follows_an_edit_is_no_overlay():
    old, new = b"const int64_t blocksparse_head_sliding_step) {", b"const int64_t blocksparse_step) {"
    result, _, again, _ = edited(PAGED, "dispatch.cuh", old, new)
    assert not result.hunks
    # As a sync leaves it: entry and declarations have the new name, too.
    assert all(b"blocksparse_head_sliding_step" not in text for text in again.values())
    layout = PAGED.split(PAGED.text)
    later = unsplit(layout, again, PAGED.split)
    assert later.monolith == result.monolith
    assert not later.hunks
    assert recompose(later, again, later.layout, merge).files == again


def test_a_line_that_goes_on_in_the_next_one_moves_nowhere():
    """An unfinished line at a file's end would be read with the item that comes next in the monolith."""
    layout = PAGED.split(PAGED.text)
    (common,) = (f for f in layout.files if f.path.endswith("common.h"))
    files = {f.path: f.text for f in layout.files} | {common.path: common.text + b"inline\n__noinline__\n"}
    result = unsplit(layout, files, PAGED.split)
    assert result.monolith == PAGED.text
    assert [h.new for h in result.unmapped] == [b"inline\n__noinline__\n"]


def test_an_item_that_the_rule_gives_to_another_file_moves_there():
    result, _, again, path = edited(
        PAGED, "common.h", b"#define MAX(", b"static int unused = 0;\n#define MAX("
    )
    assert not result.hunks
    (line,) = {e.line for e in result.edits if b"unused" in e.text}
    assert line > 1
    assert b"unused" not in again[path]
    entry = again[PAGED.path]
    # After the includes that it may need.
    assert entry.index(b"launch.h") < entry.index(b"unused") < entry.index(b"void paged_attention_v1(")
    assert unsplit(PAGED.split(PAGED.text), again, PAGED.split).monolith == result.monolith


def test_a_line_that_goes_on_in_glue_is_not_the_monoliths():
    old = b"        break;\n/* MG_ONLY_instantiate_n1 */)\n"
    result, files, again, _ = edited(
        Case("skinny_gemms_int8", None), "dispatch.cuh", old, b"// joined/* MG_ONLY_instantiate_n1 */)\n"
    )
    # In the monolith the comment would swallow the next arm.
    assert b"joined" not in result.monolith
    assert result.unmapped
    assert again == files


def test_an_include_stays_as_typed_beside_a_line_that_the_rule_moves():
    typed = b'#define TUNING 4\n#include "../../fork/tuning.h"\n'
    result, _, again, path = edited(INT4, "common.h", b"#include <", typed + b"#include <")
    assert not result.hunks
    own = b'#include "../fork/tuning.h"\n#include <'
    assert result.monolith.replace(b"#define TUNING 4\n", b"", 1) == INT4.text.replace(b"#include <", own, 1)
    assert b'#include "../../fork/tuning.h"\n' in again[path]
    assert b"#define TUNING 4\n" in again[path.replace("common.h", "kernel.cuh")]
