"""A rule that does not fit what a merge gives costs its own file the split, and nothing else."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.support import corpus
from tests.support.story import INT4, SKINNY, Story, git

LINE, OURS = "  return __half2float(v);", "  return __half2float(v);  // fork: ours"
KERNEL = f"{INT4}/kernel.cuh"


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unfit")
    story = Story.begin(folder, "skinny_gemms", "skinny_gemms_int4")
    story.edit(KERNEL, LINE, OURS)
    story.edit(f"{SKINNY}/kernel.cuh", "  int waves = div2;", "  int waves = div2;  // fork: two")
    story.commits("tune both")
    return folder


@pytest.fixture
def story(begun, tmp_path):
    return Story.copied(begun, tmp_path)


def rename_the_entry(story: Story) -> None:
    """The function that the rule deals with has another name now."""
    path = story.upstream / f"{INT4}.cu"
    text = path.read_text()
    assert re.search(r"\bwvSplitK_int4_g\(", text)
    path.write_text(re.sub(r"\bwvSplitK_int4_g\(", "wvSplitK_int4_renamed(", text))
    other = story.upstream / f"{SKINNY}.cu"
    other.write_text("// upstream: a line\n" + other.read_text())
    story.upstream_commits("rename")
    story.fetch()


def test_sync_merges_that_file_whole_and_the_others_as_ever(story):
    rename_the_entry(story)
    ran = story.run("sync", "upstream/main", "--json")
    done = json.loads(ran.out)
    states = {rule["name"]: rule["state"] for rule in done["rules"]}
    assert (ran.code, states) == (1, {"skinny_gemms": "merged", "skinny_gemms_int4": "unfit"})
    assert done["clean"] and done["audit"] is not None
    whole = (story.upstream / f"{INT4}.cu").read_text().replace(LINE, OURS)
    assert story.text(f"{INT4}.cu") == whole
    assert git(story.fork, "ls-files", INT4 + "/") == ""
    assert "// upstream: a line" in git(story.fork, "grep", "upstream: a line", "--", SKINNY + "*")
    assert "// fork: two" in story.text(f"{SKINNY}/kernel.cuh")
    checked = story.run("check")
    assert checked.code == 1 and "skinny_gemms_int4" in checked.out


def test_the_screen_names_the_file_and_what_to_type(story):
    rename_the_entry(story)
    said = story.run("sync", "upstream/main").out
    assert "whole now: the rule does not fit" in said
    commands = re.findall(r"`mergeguard (\w+ \w+)`", said.splitlines()[-1])
    assert commands == ["split skinny_gemms_int4", "leave skinny_gemms_int4"]
    rule = story.text(".mergeguard/rules/skinny_gemms_int4.toml")
    adapted = rule.replace('"wvSplitK_int4_g"', '"wvSplitK_int4_renamed"')
    story.write(".mergeguard/rules/skinny_gemms_int4.toml", adapted.encode())
    ran = story.run(*commands[0].split())
    assert ran.code == 0, ran.err
    story.commits("adapt the rule")
    assert story.run("check").code == 0
    assert OURS in story.text(KERNEL)


def test_leaving_is_a_way_out(story):
    rename_the_entry(story)
    story.run("sync", "upstream/main")
    assert story.run("leave", "skinny_gemms_int4").code == 0
    story.commits("leave it")
    assert story.run("check").code == 0


def test_split_does_the_other_rules(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms", "skinny_gemms_int4", split=False)
    rule = ".mergeguard/rules/skinny_gemms_int4.toml"
    story.write(rule, story.text(rule).replace('"wvSplitK_int4_g"', '"no_such"').encode())
    ran = story.run("split")
    assert ran.code == 1 and "skinny_gemms_int4  is left as it is" in ran.out
    assert (story.fork / SKINNY).is_dir() and not (story.fork / INT4).exists()
    assert story.run("split", "skinny_gemms_int4").code == 2


def test_upstream_splits_a_real_monolith(tmp_path):
    """vLLM 0.33.0: attention.cu became a header, a dispatcher and twelve units; the edits go along."""
    story, plain = Story(tmp_path / "upstream", tmp_path / "fork"), tmp_path / "plain"
    story.upstream.mkdir()
    git(story.upstream, "init", "-q", "-b", "main")
    _release(story, "0.32.0")
    git(tmp_path, "clone", "-q", "-o", "upstream", str(story.upstream), str(story.fork))
    git(tmp_path, "clone", "-q", "-o", "upstream", str(story.upstream), str(plain))
    git(story.fork, "checkout", "-q", "-b", "fork", "--no-track")
    story.run("rules", "add", "vllm/attention")
    assert story.run("split").code == 0
    story.commits("split")
    _edit([*(story.fork / "csrc/rocm/attention").iterdir(), story.fork / "csrc/rocm/attention.cu"])
    story.commits("tune")
    _edit([plain / "csrc/rocm/attention.cu"])
    git(plain, "commit", "-q", "-am", "tune")
    _release(story, "0.33.0")
    story.fetch()
    git(plain, "fetch", "-q", "upstream")
    ran = story.run("sync", "upstream/main")
    git(plain, "merge", "-q", "upstream/main", check=False)
    header = "csrc/rocm/attention_kernels.cuh"
    assert git(story.fork, "diff", "--name-only", "--diff-filter=U").split() == [header], ran.out
    ours, gits = (_conflicting((folder / header).read_text()) for folder in (story.fork, plain))
    assert 0 < ours < gits < 200
    assert "it is no longer split" in ran.out
    dispatch = story.text("csrc/rocm/attention_dispatch.cu")
    assert "// fork: one" in dispatch and "// fork: two" in dispatch
    assert "csrc/rocm/attention_dispatch.cu" in story.text("CMakeLists.txt")


_EDITS = (
    ("    hipGetDevice(&device_id);\n", "    hipGetDevice(&device_id);  // fork: one\n"),
    ("  bool is_navi = is_navi_gpu();\n", "  bool is_navi = is_navi_gpu();  // fork: two\n"),
    ('fp8 out scale unsupported for gfx90a");          \\', 'fp8 out scale: none for gfx90a");          \\'),
    (
        "          const _B16x8* v_ptrh8be = v_ptrh8b + head_size_elem * BLOCK_SIZE / 8;\n",
        "          const _B16x8* v_ptrh8be = v_ptrh8b + head_size_elem * (BLOCK_SIZE / 8);\n",
    ),
)


def _edit(files) -> None:
    for old, new in _EDITS:
        (file,) = [file for file in files if file.read_text().count(old) == 1]
        file.write_text(file.read_text().replace(old, new))


def _release(story: Story, version: str) -> None:
    source = corpus.require(version)
    shutil.rmtree(story.upstream / "csrc", ignore_errors=True)
    shutil.copytree(source / "csrc/rocm", story.upstream / "csrc/rocm")
    shutil.copy(source / "CMakeLists.txt", story.upstream / "CMakeLists.txt")
    story.upstream_commits(version)


def _conflicting(text: str) -> int:
    """How many lines stand in conflicts, markers included."""
    found = re.findall(r"^<{7}.*?^>{7}[^\n]*$", text, re.MULTILINE | re.DOTALL)
    return sum(len(one.splitlines()) for one in found)
