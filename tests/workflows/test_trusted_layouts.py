"""A layout stays the monolith's program, or the next command says that it does not."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.story import ATTENTION, PAGED, Story, git

PICK = """#include <cstdio>
#include "sizes.h"
static int pick(int n, int which) { return which ? n / 2 : n; }
static void small(int n) { std::printf("small %d", n); }
static void large(int n) { std::printf("large %d", n); }
void run(int n) {
  int size = pick(n, 0);
  switch (size) {
    case 32:
      small(32);
      break;
    case 64:
      small(64);
      break;
    case 128:
      large(128);
      break;
    default:
      std::printf("no size %d", size);
  }
}
"""
RULE = """schema = 1
monolith = "csrc/run.cu"
build = []
[includes]
beside = ["sizes.h"]
[[move]]
to = "common.h"
items = ["include *", "macro *"]
needed = true
[[partition]]
entry = "run"
over = { in = "run", switch = "size" }
discriminator = "n"
body = "dispatch.cuh"
rest = "large.cu"
[partition.shards]
"small.cu" = [32, 64]
"large.cu" = [128]
"""


@pytest.fixture
def small(tmp_path):
    """A fork of a small upstream whose switch asks for what a helper gives: the rule says what that is."""
    story = Story.begin(tmp_path)
    (story.upstream / "csrc/run.cu").write_text(PICK)
    (story.upstream / "csrc/sizes.h").write_text("#pragma once\n")
    story.upstream_commits("run")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 0
    story.write(".mergeguard/rules/run.toml", RULE.encode())
    assert story.run("split").code == 0
    story.commits("split")
    return story


def unlisted(story, name):
    """Have the rule say that no build file lists its units: these stories have none that does."""
    story.edit(f".mergeguard/rules/{name}.toml", "schema = 1\n", "schema = 1\nbuild = []\n")


def upstream_writes(story, old, new, path="csrc/run.cu"):
    story.edit(path, old, new, upstream=True)
    story.upstream_commits("upstream goes on")
    story.fetch()


# -- the discriminator ----------------------------------------------------------------------------------


def test_the_entry_of_a_shipped_rule_follows_the_value_that_the_body_switches_on(tmp_path):
    story = Story.begin(tmp_path, "paged_attention_v1")
    assert "switch (query.size(2))" in story.text(f"{PAGED}.cu")
    upstream_writes(story, "int head_size = query.size(2);", "int head_size = query.size(1);", f"{PAGED}.cu")
    assert story.run("sync", "upstream/main").code == 0
    assert "switch (query.size(1))" in story.text(f"{PAGED}.cu")
    assert story.run("check").code == 0 and story.run("verify").code == 0


def test_a_stated_discriminator_that_the_body_left_is_named_by_sync_check_verify_and_split(tmp_path):
    story = Story.begin(tmp_path, "paged_attention_v1", split=False)
    rule = ".mergeguard/rules/paged_attention_v1.toml"
    story.edit(rule, 'body = "dispatch.cuh"', 'discriminator = "query.size(2)"\nbody = "dispatch.cuh"')
    assert story.run("split").code == 0
    story.commits("split")
    upstream_writes(story, "int head_size = query.size(2);", "int head_size = query.size(1);", f"{PAGED}.cu")
    synced = story.run("sync", "upstream/main")
    assert synced.code == 1
    assert "the entry asks for `query.size(2)`, the body for `query.size(1)`" in " ".join(synced.out.split())
    for verb in ("check", "verify"):
        ran = story.run(verb)
        assert ran.code == 1 and "discriminator" in ran.out, verb
    refused = story.run("split")
    assert refused.code == 2 and "take `discriminator` out" in " ".join(refused.err.split())
    story.edit(rule, 'discriminator = "query.size(2)"\n', "")
    assert story.run("split").code == 0
    assert story.run("check").code == 0
    assert "switch (query.size(1))" in story.text(f"{PAGED}.cu")


def test_what_no_text_tells_is_assumed_and_watched(small):
    shown = small.run("verify")
    assert shown.code == 0
    assert "nothing tells that `size` in the body is `n` in the entry" in " ".join(shown.out.split())
    upstream_writes(small, "large(128)", "large(256 / 2)")
    assert small.run("sync", "upstream/main").code == 0
    upstream_writes(small, "pick(n, 0)", "pick(n, 1)")
    synced = small.run("sync", "upstream/main")
    assert synced.code == 1
    said = " ".join(synced.out.split())
    assert "assumes that `size` is `n`, and what feeds it changed" in said and "pick ( n , 1 )" in said
    # It was said with the merge that brought it, and the audit of that merge says it again.
    assert small.run("audit").code == 1
    upstream_writes(small, "no size", "no such size")
    assert small.run("sync", "upstream/main").code == 0


def test_a_value_that_was_told_and_is_told_no_more_is_a_finding(tmp_path):
    story = Story.begin(tmp_path, "attention")
    first = 'if (kv_cache_dtype == "auto") {'
    text = (story.upstream / f"{ATTENTION}.cu").read_text()
    assert text.count(first) == 1
    upstream_writes(story, first, f'if (scale) kv_cache_dtype = "auto";\n  {first}', f"{ATTENTION}.cu")
    synced = story.run("sync", "upstream/main")
    assert synced.code == 1
    assert 'the rule assumes that `kv_cache_dtype == "auto"`' in " ".join(synced.out.split())


# -- what check knows, sync and the audit say -----------------------------------------------------------


def test_an_include_that_comes_to_stand_beside_the_monolith_is_named(small):
    (small.upstream / "csrc/two.h").write_text("#pragma once\n")
    upstream_writes(small, '#include "sizes.h"\n', '#include "sizes.h"\n#include "two.h"\n')
    synced = small.run("sync", "upstream/main")
    assert synced.code == 1
    assert '"two.h": the monolith means the file beside it' in " ".join(synced.out.split())
    assert small.run("audit").code == 1 and small.run("check").code == 1
    upstream_writes(small, "no size", "no such size")
    # What is known already is not said with every merge.
    assert small.run("sync", "upstream/main").code == 0


def test_plain_git_merge_says_it_too(small):
    assert small.run("install").code == 0
    (small.upstream / "csrc/two.h").write_text("#pragma once\n")
    upstream_writes(small, '#include "sizes.h"\n', '#include "sizes.h"\n#include "two.h"\n')
    said = spoken(small, "merge", "--no-edit", "upstream/main")
    assert '"two.h": the monolith means the file beside it' in said
    assert "mergeguard audit" in said


# -- layouts that would never link ------------------------------------------------------------------------

WORK = """#include <cstdio>
#define API extern "C"
template <int N> void work(int x) { std::printf("%d", N + x); }
API void run(int n) {
  switch (n) {
    case 1:
      work<1>(n);
      break;
    case 2:
      work<2>(n);
      break;
    default:
      std::printf("no");
  }
}
"""


IN_C = WORK.replace("API void", 'extern "C" void')


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("csrc/api.cpp", WORK, "has C linkage"),
        ("csrc/api.cpp", IN_C, "has C linkage"),
        ("csrc/api.c", WORK.replace("API void", "void"), "a C file has no namespaces"),
    ],
)
def test_what_would_never_link_is_refused_by_name(tmp_path, path, text, why):
    story = Story.begin(tmp_path)
    story.write(path, text.encode())
    story.commits("an entry")
    before = story.fingerprint()
    if text != IN_C:
        made = story.run("init", path)
        assert made.code == 2 and why in " ".join(made.err.split())
        assert story.fingerprint() == before
    rule = RULE.replace("csrc/run.cu", path).replace('discriminator = "n"\n', "").replace('"size"', '"n"')
    rule = rule.replace("[32, 64]", "[1]").replace("[128]", "[2]")
    story.write(".mergeguard/rules/api.toml", rule.encode())
    refused = story.run("split")
    assert refused.code == 2 and why in " ".join(refused.err.split())
    for verb in ("check", "verify"):
        ran = story.run(verb)
        assert ran.code == 1 and why in " ".join(ran.out.split()), verb


def test_a_function_that_says_its_c_linkage_is_split_where_it_stands(tmp_path):
    """The arms go, the function stays in the entry: nothing of C linkage is in a namespace."""
    story = Story.begin(tmp_path)
    story.write("csrc/api.cpp", IN_C.encode())
    story.commits("an entry")
    assert story.run("init", "csrc/api.cpp").code == 0
    story.run("split")  # 1: nothing here lists the units for a build
    assert story.run("verify").code == 0
    assert b'extern "C" void run(int n)' in (story.fork / "csrc/api.cpp").read_bytes()


def test_a_macro_of_another_header_is_assumed_to_say_nothing_of_linkage(tmp_path):
    story = Story.begin(tmp_path)
    story.write("csrc/api.cpp", WORK.replace("API void", "EXPORTED void").encode())
    story.commits("an entry")
    assert story.run("init", "csrc/api.cpp").code == 0
    ran = story.run("verify")
    assert ran.code == 0 and "that EXPORTED, which nothing here defines" in " ".join(ran.out.split())


def test_init_takes_along_the_namespace_in_which_a_template_is_declared(tmp_path):
    story = Story.begin(tmp_path)
    inside = "namespace a {\ntemplate <int N> void work(int x);\n}\ntemplate <int N> void a::work(int x)"
    text = WORK.replace("API void", "void").replace("template <int N> void work(int x)", inside)
    story.write("csrc/api.cpp", text.replace("work<", "a::work<").encode())
    story.commits("an entry")
    assert story.run("init", "csrc/api.cpp").code == 0
    unlisted(story, "api")
    assert story.run("split").code == 0
    assert "namespace a {" in story.text("csrc/api/kernel.h")
    rule = ".mergeguard/rules/api.toml"
    (line,) = [line for line in story.text(rule).splitlines(keepends=True) if "namespace a?" in line]
    story.edit(rule, line, "")
    assert story.run("split").code == 0
    ran = story.run("check")
    assert ran.code == 1 and "namespace a does not stand before it here" in " ".join(ran.out.split())


# -- an arm that nothing calls ----------------------------------------------------------------------------


def test_an_arm_typed_into_a_shard_is_named_at_commit_and_by_status_until_the_entry_has_it(small):
    assert small.run("install").code == 0
    arm = "    case 72:\n      small(72);\n      break;\n"
    small.edit("csrc/run/dispatch.cuh", "    case 64:\n", f"{arm}    case 64:\n")
    never_called = "72 goes to mergeguard_run_large, its arm is in MG_SHARD_small"
    status = small.run("status")
    assert status.code == 1 and never_called in " ".join(status.out.split())
    git(small.fork, "add", "-A")
    said = committed(small, "72, too")
    assert never_called in said
    assert "next: `mergeguard split run`" in said
    assert small.run("split", "run").code == 0
    assert committed(small, "72, too", "--amend") == ""
    # No shard lists it, so the rest has it, where the entry sends it; or the rule says otherwise.
    assert "#if defined(MG_SHARD_large)\n    case 72:" in small.text("csrc/run/dispatch.cuh")
    assert small.run("status").code == 0 and small.run("check").code == 0
    # Another commit that touches no layout is none of our business, and says nothing.
    small.write("notes.md", b"done\n")
    git(small.fork, "add", "-A")
    assert committed(small, "notes") == ""


def committed(story, message, *more):
    """What git and its hooks said of a commit."""
    return spoken(story, "commit", "-q", "-m", message, *more)


def spoken(story, *arguments):
    """What a git command and its hooks said on standard error."""
    done = subprocess.run(["git", *arguments], cwd=story.fork, capture_output=True, text=True, check=True)
    return done.stderr


# -- the place of what the fork adds ----------------------------------------------------------------------

EXTRA = 'void extra(int n) {\n  if (n) {\n    std::printf("extra");\n  }\n}\n'


def test_a_patch_of_the_monolith_is_read_back_byte_for_byte_through_releases_and_rebases(small):
    git(small.upstream, "checkout", "-q", "-b", "patched")
    small.edit("csrc/run.cu", "static void small(", f"{EXTRA}static void small(", upstream=True)
    small.upstream_commits("an extra function, amid what the shards need")
    patch = git(small.upstream, "format-patch", "--stdout", "-1")
    patched = (small.upstream / "csrc/run.cu").read_text()
    git(small.upstream, "checkout", "-q", "main")
    (small.fork.parent / "extra.patch").write_text(patch)
    assert small.run("import", str(small.fork.parent / "extra.patch")).code == 0
    assert small.run("unsplit", "csrc/run.cu").out == patched
    lock = small.text(".mergeguard/locks/run.toml")
    assert "schema = 2" in lock and "function extra" in lock
    small.commits("the patch")
    upstream_writes(small, "no size", "no such size")
    assert small.run("sync", "upstream/main").code == 0
    assert small.run("unsplit", "csrc/run.cu").out == patched.replace("no size", "no such size")
    upstream_writes(small, "static void large(int n)", "static void large(int count)")
    upstream_writes(small, '"large %d", n', '"large %d", count')
    assert small.run("sync", "--rebase", "upstream/main").code == 0
    expected = (small.upstream / "csrc/run.cu").read_text()
    expected = expected.replace("static void small(", f"{EXTRA}static void small(")
    assert small.run("unsplit", "csrc/run.cu").out == expected
    assert small.run("check").code == 0


def test_a_lock_without_hints_is_one_that_older_versions_read(small):
    assert "schema = 1" in small.text(".mergeguard/locks/run.toml")
    assert "order" not in small.text(".mergeguard/locks/run.toml")


def test_the_includes_of_a_first_rule_do_not_go_stale(tmp_path):
    story = Story.begin(tmp_path)
    text = PICK.replace("pick(n, 0)", "n").replace('"sizes.h"\n', '"sizes.h"\n#include "cuda_compat.h"\n')
    (story.upstream / "csrc/run.cu").write_text(text)
    (story.upstream / "csrc/sizes.h").write_text("#pragma once\n")
    (story.upstream / "csrc/cuda_compat.h").unlink(missing_ok=True)
    story.upstream_commits("run")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 0
    assert story.run("init", "csrc/run.cu").code == 0
    unlisted(story, "run")
    rule = story.text(".mergeguard/rules/run.toml")
    assert 'beside = ["sizes.h"]\nsearched = ["cuda_compat.h"]\neither = ["*"]' in rule
    assert story.run("split").code == 0
    story.commits("split")
    header = story.text("csrc/run/common.h")
    assert '#include "../sizes.h"' in header and '#include "cuda_compat.h"' in header
    assert "__has_include" not in header
    (story.upstream / "csrc/two.h").write_text("#pragma once\n")
    upstream_writes(story, '#include "sizes.h"\n', '#include "sizes.h"\n#include "two.h"\n')
    assert story.run("sync", "upstream/main").code == 0
    assert '#if __has_include("../two.h")' in story.text("csrc/run/common.h")
    assert story.run("check").code == 0 and story.run("verify").code == 0


def test_init_of_a_folder_ranks_what_it_has(tmp_path):
    body = "".join(f"  if (a > {n}) a += {n};\n" for n in range(30))
    many = "".join(f"int f{n}(int a) {{\n{body}  return a;\n}}\n" for n in range(6))
    story = Story.begin(tmp_path)
    story.write("heavy/many.cpp", many.encode())
    story.write("heavy/one.cpp", b"int one;\n")
    story.commits("two files")
    ran = story.run("init", "heavy")
    assert ran.code == 0
    assert "heavy/many.cpp" in ran.out and "6 independent definitions" in ran.out
    assert ran.out.index("heavy/many.cpp") < ran.out.index("heavy/one.cpp")
    assert "csrc" not in ran.out
    assert story.run("init", "heavy/many.cpp").code == 0
    assert "heavy/many.cpp" not in story.run("init", "heavy/").out
