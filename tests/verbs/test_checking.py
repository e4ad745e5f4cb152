"""check on real forks: nothing to say about a sound one, and one finding for each thing that is wrong."""

from __future__ import annotations

import json
import re

import pytest

from mergeguard.data import shipped_rules
from mergeguard.errors import RuleError
from mergeguard.findings import CODES, to_json
from mergeguard.fork import treelens
from mergeguard.fork.workspace import Workspace
from mergeguard.verbs import checking
from tests.git.conftest import Sandbox
from tests.support.forks import fork, split, written

NAME = "paged_attention_v1"
ENTRY = "csrc/libtorch_stable/attention/paged_attention_v1.cu"
FOLDER = "csrc/libtorch_stable/attention/paged_attention_v1/"
RULE = f".mergeguard/rules/{NAME}.toml"
LOCK = f".mergeguard/locks/{NAME}.toml"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A fork with the rule, its monolith whole."""
    return fork(Sandbox(tmp_path_factory.mktemp("check") / "fork"), NAME)


@pytest.fixture(scope="module")
def workspace(whole):
    """The same, split."""
    return split(whole, NAME)


def edited(workspace: Workspace, path: str, old: bytes | str, new: bytes) -> Workspace:
    """The workspace with ``old`` (bytes, or a pattern) replaced once in a file."""
    text = workspace.read(path)
    assert text is not None
    pattern = re.escape(old) if isinstance(old, bytes) else old.encode()
    changed, times = re.subn(pattern, lambda _: new, text, count=1)
    assert times == 1, text.decode()
    result: Workspace = written(workspace, path, changed)
    return result


def appended(workspace: Workspace, path: str, text: bytes) -> Workspace:
    result: Workspace = written(workspace, path, (workspace.read(path) or b"") + text)
    return result


def failed(workspace: Workspace):
    """(check, severity, path) of everything that fails, in order."""
    return [(f.code, str(f.severity), f.path) for f in checking.failures(checking.run(workspace))]


def only(workspace: Workspace, check: str):
    """The one finding of a check; it says what it is about and, if it fails, what to do."""
    (found,) = [f for f in checking.run(workspace) if f.code == check]
    assert found.message and found.rule == NAME
    return found


# -- sound forks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [path[5:-5] for path in shipped_rules() if path.startswith("vllm/")])
def test_a_sound_fork_passes_whole_and_split(tmp_path, name):
    whole = fork(Sandbox(tmp_path / "fork"), name)
    assert failed(whole) == []
    assert [f.code for f in checking.run(whole) if f.code != "visibility"] == ["not split"]
    assert failed(split(whole, name)) == []


def test_local_edits_of_the_monoliths_text_pass(workspace):
    changed = edited(workspace, FOLDER + "dispatch.cuh", b"int head_size =", b"const int head_size =")
    changed = edited(changed, FOLDER + "common.h", b"#define MAX(", b"#define MOST 4\n#define MAX(")
    changed = edited(changed, ENTRY, b"/*\n", b"/*\n * Of the fork.\n")
    assert failed(changed) == []
    assert checking.run(changed) == checking.run(workspace) == ()


def test_a_rule_without_its_monolith_rests(whole):
    (found,) = checking.run(written(whole, ENTRY, None))
    assert (found.code, found.fails, found.path) == ("not split", False, RULE)


# -- what was typed by hand -----------------------------------------------------------------------------


def test_an_edit_of_glue_is_a_note(workspace):
    guard = b"#endif  // MG_SHARD_shard_small"
    found = only(edited(workspace, FOLDER + "dispatch.cuh", guard, guard + b" here"), "overlay")
    assert not found.fails
    text = workspace.read(FOLDER + "dispatch.cuh").splitlines()
    assert text[found.line - 1] == guard


EXTRA = b"\ntemplate <int N>\nint extra(int x) {\n  return x + N;\n}\n"


def test_text_without_a_home_is_unmapped(workspace):
    found = only(appended(workspace, FOLDER + "shard_small.cu", EXTRA), "unmapped")
    before = len(workspace.read(FOLDER + "shard_small.cu").splitlines())
    assert (str(found.severity), found.path, found.line) == (
        "error",
        FOLDER + "shard_small.cu",
        before + 1,
    )
    assert "5 lines added" in found.message


def test_two_shards_with_the_same_template_but_different_bodies(workspace):
    changed = appended(workspace, FOLDER + "shard_small.cu", EXTRA)
    changed = appended(changed, FOLDER + "shard_large.cu", EXTRA.replace(b"+", b"-"))
    odr = only(changed, "odr")
    assert odr.name == "extra"
    assert "shard_large.cu and" in odr.message and "shard_small.cu" in odr.message
    home = only(changed, "double home")
    assert str(home.severity) == "error"
    assert "defined otherwise" in home.message
    # The same text twice links to the right thing, but has two homes.
    same = appended(appended(workspace, FOLDER + "shard_small.cu", EXTRA), FOLDER + "shard_large.cu", EXTRA)
    assert not [f for f in checking.run(same) if f.code == "odr"]
    assert str(only(same, "double home").severity) == "warning"


def test_a_macro_that_two_shards_set_differently(workspace):
    use = b"\ntemplate <int N>\nint extra(int x) {\n  return x + N * FACTOR;\n}\n"
    changed = workspace
    for number, shard in enumerate(("shard_small.cu", "shard_large.cu")):
        changed = appended(changed, FOLDER + shard, b"#define FACTOR %d\n" % number + use)
    assert "FACTOR" in only(changed, "odr").message


def test_a_copy_of_the_monoliths_lines(workspace):
    lines = (workspace.read(FOLDER + "dispatch.cuh") or b"").splitlines(keepends=True)
    copy = b"".join(lines[lines.index(b"  int num_seqs = query.size(0);\n") :][:4])
    changed = appended(workspace, FOLDER + "shard_medium.cu", b"void f(T& query) {\n}\n")
    changed = edited(changed, FOLDER + "shard_medium.cu", b"{\n}\n", b"{\n" + copy + b"}\n")
    assert not [f for f in checking.run(changed) if f.code == "double home"]  # not only the copy
    changed = appended(workspace, FOLDER + "shard_medium.cu", copy)
    found = only(changed, "double home")
    assert str(found.severity) == "warning"
    named = re.search(r"lines (\d+)", found.message)
    assert named is not None
    line = int(named[1])
    monolith = workspace.unsplit(workspace.rule(NAME)).monolith.splitlines(keepends=True)
    assert b"".join(monolith[line - 1 : line + 3]) == copy


def test_a_guard_turned_to_another_shard(workspace):
    changed = edited(
        workspace,
        FOLDER + "dispatch.cuh",
        b"#if defined(MG_SHARD_shard_small)",
        b"#if defined(MG_SHARD_shard_large)",
    )
    found = [f for f in checking.run(changed) if f.code == "dispatch"]
    assert {str(f.severity) for f in found} == {"error"}
    assert any("32 goes to" in f.message for f in found)


def test_global_names_in_the_body(workspace):
    call = b"  ::paged_attention_v1_launcher<T>();\n  other::paged_attention_v1_launcher<T>();\n"
    changed = edited(workspace, FOLDER + "dispatch.cuh", b"  int head_size", call + b"  int head_size")
    found = only(changed, "global name")
    assert str(found.severity) == "error"
    assert b"  ::paged" in (changed.read(found.path) or b"").splitlines()[found.line - 1]


def test_a_writable_object_that_each_shard_would_have(workspace):
    changed = edited(
        workspace, FOLDER + "common.h", b"#define MAX(", b"static int counter = 0;\n#define MAX("
    )
    changed = edited(changed, FOLDER + "dispatch.cuh", b"  int head_size", b"  ++counter;\n  int head_size")
    assert ("divided state", "error", FOLDER + "common.h") in failed(changed)


# -- drift ------------------------------------------------------------------------------------------------


def test_glue_that_is_out_of_date(workspace):
    changed = edited(
        workspace, FOLDER + "dispatch.cuh", b"int64_t num_kv_heads,", b"int64_t num_kv_heads, int more,"
    )
    assert failed(changed) == [("drift", "error", ENTRY), ("drift", "error", FOLDER + "launch.h")]
    assert failed(split_again(changed)) == []


def split_again(workspace: Workspace) -> Workspace:
    """What `mergeguard split` makes of a fork that is split already; upstream's blob stays."""
    guarded = workspace.rule(NAME)
    assert guarded.lock is not None
    text = workspace.unsplit(guarded).monolith
    laid = treelens.lay_out(workspace, guarded, guarded.lock.monolith, text)
    edits = treelens.layout_edits(workspace, guarded, laid, guarded.lock.upstream)
    return Workspace.load(workspace.repository, workspace.repository.edit_tree(workspace.tree, edits))


def test_text_that_the_rule_gives_to_another_file(workspace):
    changed = edited(workspace, FOLDER + "common.h", b"#define MAX(", b"static int unused = 0;\n#define MAX(")
    found = only(changed, "drift")
    assert (str(found.severity), found.path) == ("warning", FOLDER + "common.h")
    assert found.message.endswith(ENTRY)
    assert (changed.read(found.path) or b"").splitlines()[found.line - 1] == b"static int unused = 0;"


def test_an_edited_rule(workspace):
    changed = edited(workspace, RULE, b"[32, 64, 80]", b"[32, 64]")
    found = only(changed, "drift")
    assert (str(found.severity), found.path) == ("warning", RULE)
    assert "dispatch.cuh" in found.message
    comment = only(appended(workspace, RULE, b"# a word\n"), "drift")
    assert not comment.fails
    misfit = only(edited(workspace, RULE, b'switch = "head_size"', b'switch = "head"'), "rule")
    assert str(misfit.severity) == "error"
    assert "no switch (head)" in misfit.message


def test_a_rule_that_is_gone(workspace):
    found = only(written(workspace, RULE, None), "drift")
    assert (str(found.severity), found.path) == ("warning", RULE)


def test_a_lock_that_names_a_missing_blob(workspace):
    found = only(edited(workspace, LOCK, r'upstream = "\w+"', b'upstream = "%s"' % (b"1" * 40)), "drift")
    assert (str(found.severity), found.path) == ("error", LOCK)
    assert "git fetch" in found.hint


def test_a_lock_of_a_newer_mergeguard(workspace):
    found = only(edited(workspace, LOCK, r"emission = \d+", b"emission = 999"), "drift")
    assert "999" in found.message and str(found.severity) == "error"


# -- files and includes -----------------------------------------------------------------------------------


def test_a_missing_layout_file(workspace):
    found = only(written(workspace, FOLDER + "shard_small.cu", None), "layout file")
    assert (str(found.severity), found.path) == ("error", FOLDER + "shard_small.cu")
    assert len(failed(written(workspace, FOLDER + "common.h", None))) == 1


def test_strangers_in_the_layouts_folder(workspace):
    mine = FOLDER + "mine.cu"
    changed = written(written(workspace, mine, EXTRA), FOLDER + "README.md", b"# Here\n")
    found = only(changed, "layout file")
    assert (str(found.severity), found.path) == ("warning", mine)
    listed = edited(
        changed, "CMakeLists.txt", f'"?{FOLDER}shard_small.cu"?', f"{mine} {FOLDER}shard_small.cu".encode()
    )
    assert not only(listed, "layout file").fails
    assert failed(listed) == []
    # A unit of the user's own is no way around the one-definition rule.
    twice = appended(listed, FOLDER + "shard_small.cu", EXTRA.replace(b"+", b"-"))
    assert only(twice, "odr").name == "extra"


def test_a_shard_that_the_build_does_not_list(workspace):
    changed = edited(workspace, "CMakeLists.txt", f'"?{FOLDER}shard_small.cu"?', b"")
    found = only(changed, "build list")
    assert (str(found.severity), found.path) == ("error", "CMakeLists.txt")
    assert "shard_small.cu" in found.message


def test_units_that_no_build_file_lists(workspace):
    bare = written(workspace, "CMakeLists.txt", b"project(x)\n")
    unlisted = [f for f in checking.run(bare) if f.code == "build list"]
    assert ENTRY in {f.path for f in unlisted} and FOLDER + "shard_small.cu" in {f.path for f in unlisted}
    assert all(f.fails and "build = []" in f.hint for f in unlisted)


def test_includes_that_mean_something_else_from_the_layout(whole):
    missing = only(edited(whole, RULE, b"beside = [", b"beside = [] # ["), "include")
    assert (str(missing.severity), missing.path, missing.name) == (
        "error",
        FOLDER + "common.h",
        '"attention_kernels.cuh"',
    )
    nowhere = edited(whole, ENTRY, b"#include ", b'#include "attention_utils.cuh"\n#include ')
    assert str(only(nowhere, "include").severity) == "warning"
    shadowed = edited(whole, ENTRY, b"#include ", b'#include "launch.h"\n#include ')
    found = [f for f in checking.run(shadowed) if f.code == "include" and "from here it means" in f.message]
    assert [(str(f.severity), f.name) for f in found] == [("error", '"launch.h"')]
    dotted = edited(whole, ENTRY, b"#include ", b'#include "../generated.h"\n#include ')
    assert not only(dotted, "include").fails


# -- rules ------------------------------------------------------------------------------------------------


def test_two_rules_for_one_monolith(whole):
    changed = written(whole, ".mergeguard/rules/twin.toml", whole.read(RULE))
    assert failed(changed) == [("rule", "error", ENTRY)]


def test_one_broken_rule_says_nothing_about_the_others(whole):
    text = whole.read(RULE) or b""
    broken = text.replace(b'switch = "head_size"', b'switch = "x"')
    changed = written(whole, ".mergeguard/rules/broken.toml", broken)
    assert failed(changed) == [("rule", "error", ENTRY)]
    assert failed(changed) == [("rule", "error", ENTRY)]
    assert checking.failures(checking.run(changed, [NAME])) == ()
    with pytest.raises(RuleError, match="no rule `none`"):
        checking.run(changed, ["none"])


def test_a_monolith_that_cannot_be_read(whole):
    found = only(appended(whole, ENTRY, b"\nvoid f() {\n"), "rule")
    assert (str(found.severity), found.path) == ("error", ENTRY)
    assert found.line is not None


def test_findings_as_json(workspace):
    findings = checking.run(appended(workspace, FOLDER + "shard_small.cu", EXTRA))
    data = json.loads(json.dumps(to_json(findings)))
    assert data["passed"] is False
    assert data["counts"] == {"error": 1, "warning": 0, "note": 0}
    (found,) = data["findings"]
    assert found["check"] == "unmapped" and found["severity"] == "error" and found["rule"] == NAME
    assert to_json(checking.run(workspace))["passed"] is True
    assert set(CODES) >= {"law 1", "law 2", "law 3", "law 4", "odr"}
