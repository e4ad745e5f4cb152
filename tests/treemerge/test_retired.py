"""Upstream deletes, moves, splits, joins or brings back what the fork keeps split: nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mergeguard.cpp.source import parse
from tests.support import corpus
from tests.support.story import INT4, SKINNY, Story, git

ROOT = Path(__file__).resolve().parents[2]
MONOLITH = f"{INT4}.cu"
RULE = "skinny_gemms_int4"
KERNEL = f"{INT4}/kernel.cuh"
LINE, OURS = "  return __half2float(v);", "  return __half2float(v);  // fork: ours"
HEADER = ("__s2float", "__float2s", "scalar", "nibble", "wvSplitK_int4_hf_sml_", "wvSplitK_int4_hf_")


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A fork with one file split: without local edits, and with one."""
    folder = tmp_path_factory.mktemp("retired")
    (folder / "pristine").mkdir()
    story = Story.begin(folder / "pristine", RULE)
    shutil.copytree(folder / "pristine", folder / "edited", symlinks=True)
    story = Story(folder / "edited" / "upstream", folder / "edited" / "fork")
    story.edit(KERNEL, LINE, OURS)
    story.commits("tune")
    return folder


@pytest.fixture
def start(begun, tmp_path):
    def copy(name: str) -> Story:
        shutil.copytree(begun / name, tmp_path / name, symlinks=True)
        story = Story(tmp_path / name / "upstream", tmp_path / name / "fork")
        git(story.fork, "remote", "set-url", "upstream", str(story.upstream))
        return story

    return copy


def cut(text: bytes, names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """A source without the items of these names, and those items."""
    items = [item for item in parse(text).items if item.name in names]
    taken = b"".join(text[item.start : item.end] for item in items)
    for item in reversed(items):
        text = text[: item.start] + text[item.end :]
    return text, taken


def put(story: Story, path: str, text: bytes) -> None:
    target = story.upstream / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text)


def taken_away(story: Story) -> bytes:
    text = (story.upstream / MONOLITH).read_bytes()
    git(story.upstream, "rm", "-q", MONOLITH)
    return text


def listed_as(story: Story, path: str) -> None:
    """Upstream's build lists the monolith where it is now."""
    build = story.upstream / "CMakeLists.txt"
    text = build.read_text()
    assert MONOLITH in text
    build.write_text(text.replace(MONOLITH, path))


def rewritten(story: Story) -> None:
    """Moved to another folder and name, indented anew, with so much more that git sees no rename."""
    text = re.sub(rb"^( +)(?=\S)", rb"\1\1\1", taken_away(story), flags=re.MULTILINE)
    more = b"static int added_%d(int a) {\n  for (int i = 0; i < a; i++) a += i * %d;\n  return a;\n}\n\n"
    put(story, "csrc/quant/int4.cu", text + b"".join(more % (n, n) for n in range(120)))
    listed_as(story, "csrc/quant/int4.cu")


def moved_and_edited(story: Story) -> None:
    """git sees the rename; upstream edits the very line that the fork edits."""
    put(story, "csrc/quant/int4.cu", taken_away(story).replace(LINE.encode(), LINE.encode() + b"  // theirs"))
    listed_as(story, "csrc/quant/int4.cu")


def split_in_place(story: Story) -> None:
    """The kernels go to a header, the file stays."""
    rest, kernels = cut((story.upstream / MONOLITH).read_bytes(), HEADER)
    put(story, "csrc/rocm/int4_kernels.cuh", b"#pragma once\n" + kernels)
    put(story, MONOLITH, rest.replace(b'compat.h"\n', b'compat.h"\n#include "int4_kernels.cuh"\n', 1))


def split_away(story: Story) -> None:
    """A header and a file for each operator; the old file is gone (and no part is like it)."""
    rest, kernels = cut(taken_away(story), HEADER)
    for name, file in (("wvSplitK_int4_g", "gemm.cu"), ("fused_moe_wvSplitK_int4_gemm", "moe.cu")):
        rest, operator = cut(rest, (name,))
        put(story, f"csrc/rocm/int4/{file}", b'#include "int4_kernels.cuh"\n\n' + operator)
    put(story, "csrc/rocm/int4/int4_kernels.cuh", b"#pragma once\n" + rest + kernels)


def split_as_we_do(story: Story) -> None:
    """Upstream makes the very split of the fork: files where the layout has its own."""
    rest, kernels = cut((story.upstream / MONOLITH).read_bytes(), HEADER)
    rest, operator = cut(rest, ("wvSplitK_int4_g",))
    put(story, KERNEL, b"#pragma once\n" + kernels)
    put(story, f"{INT4}/instantiate_n1.cu", b'#include "kernel.cuh"\n\n' + operator)
    put(story, MONOLITH, rest)


def joined(story: Story) -> None:
    """Two monoliths become one file, that of the other."""
    other = (story.upstream / f"{SKINNY}.cu").read_bytes()
    put(story, f"{SKINNY}.cu", other + b"\n" + taken_away(story))


# What upstream does, and how the sync and the status before it call that.
DEEDS: list[tuple[Callable[[Story], object], str, str]] = [
    (taken_away, "RETIRED", "gone upstream"),
    (rewritten, "MOVED", "moved upstream to csrc/quant/int4.cu"),
    (split_in_place, "SPLIT_UPSTREAM", "split upstream: csrc/rocm/int4_kernels.cuh"),
    (split_away, "SPLIT_UPSTREAM", "split upstream: csrc/rocm/int4/int4_kernels.cuh"),
    (split_as_we_do, "SPLIT_UPSTREAM", f"split upstream: {KERNEL}"),
    (joined, "JOINED", f"merged into another file upstream: {SKINNY}.cu"),
]
NAMES = [deed.__name__ for deed, _, _ in DEEDS]


def release(story: Story, deed: Callable[[Story], object]) -> None:
    deed(story)
    story.upstream_commits(deed.__name__)
    story.fetch()


def state(story: Story, verb: str = "status") -> str:
    (row,) = json.loads(story.run(verb, "--json").out)["rules"]
    return str(row["state"])


def nothing_of_upstreams_is_lost(story: Story, *, but: tuple[str, ...] = ()) -> None:
    """Every file of upstream's is in the fork as upstream has it, but the monolith that is split here."""
    for path in git(story.upstream, "ls-files").split():
        if path not in but and path not in (MONOLITH, "CMakeLists.txt"):
            ours = (story.fork / path).read_bytes().replace(b"  // fork: ours", b"")
            assert ours == (story.upstream / path).read_bytes(), path


def check(story: Story, deed: Callable[[Story], object], rule: dict[str, list[str]]) -> None:
    checked = story.run("check")
    if deed is split_in_place:
        assert "`beside`" in checked.out, "the header that upstream added is not the rule's to know"
    elif deed is split_as_we_do:
        assert "there is no function" in checked.out, "the rule has had its day"
        assert f"git rm .mergeguard/rules/{RULE}.toml" in " ".join(rule["notes"])
    else:
        assert checked.code == 0


@pytest.mark.parametrize(("deed", "name", "said"), DEEDS, ids=NAMES)
def test_without_local_edits_the_fork_follows(start, deed, name, said):
    story = start("pristine")
    release(story, deed)
    assert state(story).startswith(said)
    assert state(story, "report").startswith(said)
    done = json.loads(story.run("sync", "upstream/main", "--json").out)
    assert done["clean"]
    assert [rule["state"] for rule in done["rules"]] == [name.lower()]
    whole = json.loads(story.run("unsplit", "--json").out)["tree"]
    assert git(story.fork, "diff", "--stat", whole, "upstream/main", "--", ":!.mergeguard") == ""
    check(story, deed, done["rules"][0])


@pytest.mark.parametrize(("deed", "name", "said"), DEEDS, ids=NAMES)
def test_a_local_edit_is_carried_or_waits_for_a_person(start, deed, name, said):
    story = start("edited")
    release(story, deed)
    before = story.fingerprint()
    done = json.loads(story.run("sync", "upstream/main", "--json").out)
    (rule,) = done["rules"]
    holders = git(story.fork, "grep", "-l", "fork: ours").split()
    assert len(holders) == 1
    if done["clean"]:
        assert rule["state"] == name.lower()
        assert "<<<<<<<" not in story.text(holders[0])
        check(story, deed, rule)
        nothing_of_upstreams_is_lost(story, but=("csrc/quant/int4.cu",))
        return
    assert holders[0] in git(story.fork, "diff", "--name-only", "--diff-filter=U").split()
    assert rule["state"] in (name.lower(), "conflict", "gone_edited")
    assert rule["notes"], "what upstream did is said"
    nothing_of_upstreams_is_lost(story, but=(SKINNY + ".cu",))
    assert story.run("sync", "--abort").code == 0
    assert story.fingerprint() == before


def test_a_moved_file_merges_with_three_versions_in_its_shards(start):
    """Not as git alone would: the conflict is in the shard, at the new place, and the split goes on."""
    story = start("edited")
    release(story, moved_and_edited)
    assert state(story) == "moved upstream to csrc/quant/int4.cu"
    assert story.run("sync", "upstream/main").code == 1
    shard = "csrc/quant/int4/kernel.cuh"
    assert git(story.fork, "diff", "--name-only", "--diff-filter=U").split() == [shard]
    text = story.text(shard)
    assert text.count("<<<<<<<") == 1
    story.write(shard, re.sub(r"<<<<<<<.*?>>>>>>>[^\n]*\n", OURS + "\n", text, flags=re.DOTALL).encode())
    git(story.fork, "add", "-A")
    assert story.run("sync", "--continue").code == 0
    (row,) = json.loads(story.run("status", "--json").out)["rules"]
    assert (row["state"], row["drift"], len(row["edits"])) == ("split", {"added": 0, "removed": 0}, 1)


def test_what_waits_names_the_place_of_the_code(start):
    story = start("edited")
    release(story, split_away)
    ran = story.run("sync", "upstream/main")
    if ran.code:
        line = (story.upstream / "csrc/rocm/int4/int4_kernels.cuh").read_text().split("\n").index
        assert f"int4_kernels.cuh:{line('template <>') + 1}"[:20] in ran.out
    assert "// fork: ours" in "".join(
        story.text(path) for path in git(story.fork, "grep", "-l", "fork: ours").split()
    )


def test_a_file_comes_back_a_release_after_it_was_deleted(start):
    story = start("pristine")
    text = (story.upstream / MONOLITH).read_bytes()
    release(story, taken_away)
    assert story.run("sync", "upstream/main").code == 0
    assert state(story) == "no monolith"
    put(story, MONOLITH, text.replace(b"#define LDS_SIZE", b"// again\n#define LDS_SIZE"))
    story.upstream_commits("bring it back")
    story.fetch()
    assert state(story) == state(story, "report") == "back upstream"
    ran = story.run("sync", "upstream/main")
    assert (ran.code, "back upstream" in ran.out) == (0, True)
    assert f"mergeguard split {RULE}" in ran.out
    assert state(story) == "not split"
    assert story.run("split", RULE).code == 0
    story.commits("split again")
    assert "// again" in story.text(KERNEL)
    assert state(story) == "split"


def test_an_edited_file_that_the_fork_kept_comes_back(start):
    """Deleted upstream, kept here with its edit, then brought back: the edit is a local edit again."""
    story = start("edited")
    text = (story.upstream / MONOLITH).read_bytes()
    release(story, taken_away)
    assert story.run("sync", "upstream/main").code == 1
    git(story.fork, "add", "-A")
    assert story.run("sync", "--continue").code == 0
    assert state(story) == state(story, "report") == "only in the fork"
    put(story, MONOLITH, text.replace(b"#define LDS_SIZE", b"// again\n#define LDS_SIZE"))
    story.upstream_commits("bring it back")
    story.fetch()
    assert state(story) == "upstream has it now, too"
    ran = story.run("sync", "upstream/main")
    assert (ran.code, "upstream has it now, too" in ran.out) == (0, True)
    assert "// again" in story.text(KERNEL) and OURS in story.text(KERNEL)
    (row,) = json.loads(story.run("status", "--json").out)["rules"]
    assert (row["state"], row["drift"], len(row["edits"])) == ("split", {"added": 0, "removed": 0}, 1)


def test_text_beside_the_map_meets_a_file_of_upstreams(start):
    """An edit of glue is in a layout file where upstream now has a file of its own: both are shown."""
    story = start("pristine")
    story.edit(KERNEL, "#pragma once\n", "#pragma once  // fork: ours\n")
    story.commits("an edit of glue")
    before = story.fingerprint()
    release(story, split_as_we_do)
    assert story.run("sync", "upstream/main").code == 1
    assert git(story.fork, "diff", "--name-only", "--diff-filter=U").split() == [KERNEL]
    stages = {n: git(story.fork, "show", f":{n}:{KERNEL}") for n in (1, 2, 3)}
    assert stages[3] == (story.upstream / KERNEL).read_text()
    assert "// fork: ours" in stages[2]
    shown = story.text(KERNEL).split("\n")
    assert "<<<<<<< HEAD" in shown
    assert {*stages[2].split("\n"), *stages[3].split("\n")} <= {*shown}
    assert story.run("sync", "--abort").code == 0
    assert story.fingerprint().split("\n")[0] == before.split("\n")[0]


def test_two_split_files_become_one_new_file(tmp_path):
    """One of the two rules follows, the other ends; both edits are in what is split now."""
    story = Story.begin(tmp_path, RULE, "skinny_gemms")
    story.edit(KERNEL, LINE, OURS)
    story.edit(f"{SKINNY}/kernel.cuh", "  int waves = div2;", "  int waves = div2;  // fork: two")
    story.commits("tune both")
    other = (story.upstream / f"{SKINNY}.cu").read_bytes()
    git(story.upstream, "rm", "-q", f"{SKINNY}.cu")
    put(story, "csrc/rocm/gemms.cu", other + b"\n" + taken_away(story))
    story.upstream_commits("one file")
    story.fetch()
    done = json.loads(story.run("sync", "upstream/main", "--json").out)
    assert done["clean"]
    assert {r["name"]: r["state"] for r in done["rules"]} == {"skinny_gemms": "moved", RULE: "joined"}
    whole = json.loads(story.run("unsplit", "--json").out)["tree"]
    text = git(story.fork, "show", f"{whole}:csrc/rocm/gemms.cu")
    assert (text.count("// fork: ours"), text.count("// fork: two")) == (1, 1)
    upstream = (story.upstream / "csrc/rocm/gemms.cu").read_text()
    assert text.replace("  // fork: ours", "").replace("  // fork: two", "") == upstream
    assert git(story.fork, "ls-files", f"{INT4}*", f"{SKINNY}/*") == ""


@pytest.mark.parametrize("deed", [rewritten, split_away, split_as_we_do])
def test_rebase_follows_too(start, deed):
    story = start("edited")
    release(story, deed)
    before = story.fingerprint()
    ran = story.run("sync", "--rebase", "upstream/main")
    assert git(story.fork, "grep", "-l", "fork: ours").split()
    nothing_of_upstreams_is_lost(story, but=("csrc/quant/int4.cu",))
    if ran.code:
        assert git(story.fork, "ls-files", "-u")
        assert story.run("sync", "--abort").code == 0
        assert story.fingerprint() == before
    else:
        assert (story.run("check").code == 0) == (deed is not split_as_we_do), "its rule has had its day"


@pytest.mark.parametrize("deed", [rewritten, split_away, joined])
def test_the_edit_goes_upstream_to_where_the_code_is_now(start, tmp_path, deed):
    """Commit by commit: the commit was made on the old file, its patch is of the new one."""
    story = start("edited")
    release(story, deed)
    assert story.run("sync", "upstream/main").code == 0
    said = json.loads(story.run("export", "-o", str(tmp_path / "out"), "--json").out)
    (patch,) = said["patches"]
    assert (patch["subject"], patch["added"], patch["removed"]) == ("tune", 1, 1)
    git(story.upstream, "am", "-q", patch["path"])
    whole = json.loads(story.run("unsplit", "--json").out)["tree"]
    git(story.upstream, "fetch", "-q", str(story.fork), "fork")
    assert "// fork: ours" in (story.upstream / patch["files"][0]).read_text()
    theirs = git(story.upstream, "rev-parse", "HEAD^{tree}:csrc")
    assert theirs == git(story.fork, "rev-parse", f"{whole}:csrc")


def plain(story: Story, *command: str) -> int:
    """A git command of the user's, with our hooks and driver."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GIT_EDITOR": "true"}
    return subprocess.run(
        ["git", *command], cwd=story.fork, env=environment, capture_output=True, check=False
    ).returncode


@pytest.mark.parametrize("deed", [rewritten, split_as_we_do, moved_and_edited])
@pytest.mark.parametrize("way", ["merge", "rebase"])
def test_plain_git_ends_where_the_verb_does(start, deed, way):
    story = start("edited")
    release(story, deed)
    lens = Story(story.upstream, story.fork.with_name("lens"))
    shutil.copytree(story.fork, lens.fork, symlinks=True)
    assert story.run("install").code == 0
    arguments = ["--rebase"] if way == "rebase" else []
    lens.run("sync", *arguments, "upstream/main")
    plain(story, way, "upstream/main")
    while (story.fork / ".git/rebase-merge").exists() and not git(story.fork, "ls-files", "-u"):
        assert plain(story, "rebase", "--continue") == 0
    shown = [git(s.fork, "ls-files", "-u", "--", "csrc") for s in (story, lens)]
    assert shown[0] == shown[1]
    for path in git(lens.fork, "ls-files", "--", "csrc").split():
        ours, its = ((s.fork / path) for s in (story, lens))
        assert ours.exists() == its.exists()
        if its.exists() and b"<<<<<<<" not in its.read_bytes():
            assert ours.read_bytes() == its.read_bytes(), path


def test_a_real_one(tmp_path):
    """vLLM 0.6.4: attention_kernels.cu became attention_kernels.cuh and a file for each operator."""
    story = Story(tmp_path / "upstream", tmp_path / "fork")
    story.upstream.mkdir()
    git(story.upstream, "init", "-q", "-b", "main")
    before, after = (corpus.require(version) for version in ("0.6.3.post1", "0.6.4"))
    shutil.copytree(before / "csrc/attention", story.upstream / "csrc/attention")
    story.upstream_commits("0.6.3.post1")
    git(tmp_path, "clone", "-q", "-o", "upstream", str(story.upstream), str(story.fork))
    git(story.fork, "checkout", "-q", "-b", "fork", "--no-track")
    story.write(".mergeguard/rules/attention_kernels.toml", REAL_RULE)
    assert story.run("split").code == 0
    kernels = "csrc/attention/attention_kernels/kernels.cuh"
    line = b"  const int seq_idx = blockIdx.y;"
    story.write(kernels, (story.fork / kernels).read_bytes().replace(line, line + b"  // fork: ours", 1))
    story.commits("split, and tune")
    shutil.rmtree(story.upstream / "csrc")
    shutil.copytree(after / "csrc/attention", story.upstream / "csrc/attention")
    story.upstream_commits("0.6.4")
    story.fetch()
    assert state(story) == "moved upstream to csrc/attention/attention_kernels.cuh"
    ran = story.run("sync", "upstream/main")
    assert ran.code == 0, ran.out
    assert "it is no longer split" in ran.out
    theirs = (after / "csrc/attention/attention_kernels.cuh").read_bytes()
    ours = (story.fork / "csrc/attention/attention_kernels.cuh").read_bytes()
    assert ours == theirs.replace(line, line + b"  // fork: ours", 1) != theirs
    assert git(story.fork, "diff", "--name-only", "upstream/main", "--", "csrc").count("\n") == 1


REAL_RULE = b"""schema = 1
build = []
monolith = "csrc/attention/attention_kernels.cu"

[[move]]
to = "kernels.cuh"
items = ["include *", "macro *", "type *", "template *", "kernel *", "device *"]
needed = true

[[partition]]
entry = "paged_attention_v1"
over = { in = "paged_attention_v1_launcher", switch = "head_size" }
discriminator = "query.size(2)"
body = "dispatch.cuh"
rest = "shard_large.cu"

[partition.shards]
"shard_small.cu" = [64, 80, 96]
"shard_large.cu" = [112, 120, 128, 192, 256]
"""
