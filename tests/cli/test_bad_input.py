"""Bad input gets a clear error with the next step, exit status 2, and an untouched repository."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mergeguard.data import shipped_rules
from tests.support.story import INT4, PAGED, Story, git

RULE = shipped_rules()["vllm/paged_attention_v1.toml"].decode()
RULE_PATH = ".mergeguard/rules/paged_attention_v1.toml"
MONOLITH = f"{PAGED}.cu"
BODY = 'body = "dispatch.cuh"'


@pytest.fixture
def story(tmp_path):
    return Story.begin(tmp_path)


def refused(story, *arguments, says, cwd=None):
    before = story.fingerprint()
    ran = story.run(*arguments, cwd=cwd)
    assert ran.code == 2, (ran.code, ran.out, ran.err)
    for text in (says, "nothing was changed", "next:"):
        assert text in ran.err, ran.err
    assert "Traceback" not in ran.err
    assert story.fingerprint() == before
    return ran.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r.replace("schema = 1", "schema = 99"), "schema is 99"),
        (lambda r: r.replace("schema = 1", "schema = "), "not TOML"),
        (lambda r: r.replace("rest =", "rset ="), "rset"),
        (lambda r: r.replace('entry = "paged_attention_v1"', "entry = 3"), "str"),
        (lambda r: r.replace('"macro *"', '"makro *"'), "unknown kind `makro`"),
        (lambda r: r.replace('"macro *"', '"macro NOT_THERE"'), "matches nothing"),
        (lambda r: r.replace('to = "common.h"', 'to = "/tmp/common.h"'), "outside the layout's folder"),
        (lambda r: r.replace('to = "common.h"', 'to = "../common.h"'), "outside the layout's folder"),
        (lambda r: r.replace('monolith = "', 'monolith = "../../'), "not inside the repository"),
        (lambda r: r.replace('body = "dispatch.cuh"', 'body = "common.h"'), "claimed twice"),
        (lambda r: r.replace("[192, 256]", "[192, 256, 32]"), "two shards"),
        (lambda r: r.replace(BODY, f'{BODY}\ndiscriminator = "query.size(1)"'), "chooses by `query.size(2)`"),
        (lambda r: r.replace('switch = "head_size"', 'switch = "nothing"'), "no switch (nothing)"),
        (lambda r: r.replace('entry = "paged_attention_v1"', 'entry = "gone"'), "no function `gone`"),
        (lambda r: r + '\n[[move]]\nto = "two.h"\nitems = ["macro *"]\n', "selected twice"),
    ],
)
def test_a_broken_rule_names_its_place(story, change, says):
    story.write(RULE_PATH, change(RULE).encode())
    refused(story, "split", says=says)


def test_an_unknown_key_is_found_in_its_line(story):
    story.write(RULE_PATH, RULE.replace("rest =", "rset =").encode())
    line = next(n for n, text in enumerate(RULE.splitlines(), 1) if text.startswith("rest ="))
    assert f"{RULE_PATH}:{line}" in refused(story, "split", says="rset")


def test_two_rules_for_one_monolith(story):
    story.write(RULE_PATH, RULE.encode())
    story.write(".mergeguard/rules/again.toml", RULE.encode())
    ran = story.run("split")
    assert ran.code == 1, (ran.code, ran.out, ran.err)  # a rule that does not fit costs its own file only
    assert "two rules write this file: again and paged_attention_v1" in ran.out
    assert f"give {RULE_PATH} another `layout` folder" in ran.out
    locks = git(story.fork, "ls-files", "--cached", ".mergeguard/locks")
    assert "again" in locks and "paged_attention_v1" not in locks


def test_a_folder_that_is_a_symbolic_link(story):
    story.write(RULE_PATH, RULE.encode())
    (story.fork / PAGED).symlink_to("/tmp")
    story.commits("a link")
    refused(story, "split", says="symbolic link")


def test_a_file_of_the_users_in_the_way(story):
    story.write(RULE_PATH, RULE.encode())
    story.write(f"{PAGED}/common.h", b"mine\n")
    story.commits("mine")
    refused(story, "split", says="not its own")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\x7fELF\0\0", "binary"),
        (b"int main() { {\n", ""),
        (b"/* never closed\n", ""),
        (b"int x;\n", "no function `paged_attention_v1`"),
        (b"{" * 20_000 + b"}" * 20_000, "no function"),
        (b"int a" + b"a" * 1_000_000 + b";", "no function"),
    ],
)
def test_a_monolith_that_cannot_be_split(story, text, says):
    story.write(RULE_PATH, RULE.encode())
    story.write(MONOLITH, text)
    story.commits("odd")
    assert MONOLITH in refused(story, "split", says=says)


def test_a_missing_monolith_is_named(story):
    story.write(RULE_PATH, RULE.encode())
    git(story.fork, "rm", "-q", MONOLITH)
    story.commits("gone")
    assert MONOLITH in refused(story, "split", "paged_attention_v1", says="not in the tree")


@pytest.mark.parametrize("odd", [b"// caf\xe9 \xff\xfe\n", "// naïve — μ\n".encode()])
def test_odd_bytes_survive(story, odd):
    story.write(RULE_PATH, RULE.encode())
    whole = odd + (story.fork / MONOLITH).read_bytes()
    story.write(MONOLITH, whole)
    story.commits("odd bytes")
    assert story.run("split").code == 0
    story.commits("split")
    assert story.run("leave", "paged_attention_v1").code == 0
    assert (story.fork / MONOLITH).read_bytes() == whole


@pytest.mark.parametrize(
    "change", [lambda t: t.replace(b"\n", b"\r\n"), lambda t: b"\xef\xbb\xbf" + t, lambda t: t.rstrip(b"\n")]
)
def test_line_endings_bom_and_a_missing_last_newline_survive(story, change):
    story.write(RULE_PATH, RULE.encode())
    whole = change((story.fork / MONOLITH).read_bytes())
    story.write(MONOLITH, whole)
    story.commits("as it is")
    assert story.run("split").code == 0
    story.commits("split")
    shard = (story.fork / PAGED / "shard_small.cu").read_bytes()
    assert (b"\r\n" in shard) == (b"\r\n" in whole)
    assert story.run("leave", "paged_attention_v1").code == 0
    assert (story.fork / MONOLITH).read_bytes() == whole


def test_a_dirty_tree_is_named(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    story.edit(f"{INT4}/kernel.cuh", "static int mindiv_int4(", "static  int mindiv_int4(")
    assert f"{INT4}/kernel.cuh" in refused(story, "sync", "upstream/main", says="uncommitted changes")


def test_an_unknown_ref(story):
    assert "fetch" in refused(story, "sync", "upstream/nowhere", says="upstream/nowhere")


def test_no_upstream_is_known(story):
    git(story.fork, "update-ref", "-d", "refs/remotes/upstream/main")
    git(story.fork, "symbolic-ref", "-d", "refs/remotes/upstream/HEAD", check=False)
    refused(story, "sync", says="no upstream")


def test_an_unborn_branch(story):
    git(story.fork, "checkout", "-q", "--orphan", "new")
    refused(story, "split", says="no commits yet")


def test_a_bare_repository(story, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", str(story.upstream), "bare.git")
    ran = story.run("status", cwd=tmp_path / "bare.git")
    assert ran.code == 2
    assert "bare" in ran.err
    assert "next:" in ran.err


def test_no_repository(story, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = story.run("status", cwd=tmp_path / "empty")
    assert ran.code == 2
    assert "next:" in ran.err


def test_a_shallow_clone_without_the_merge_base(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    story.edit(f"{INT4}.cu", "static int mindiv_int4(", "static  int mindiv_int4(", upstream=True)
    story.upstream_commits("release 2")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{story.fork}", "shallow")
    shallow = Story(story.upstream, tmp_path / "shallow")
    git(shallow.fork, "remote", "add", "upstream", f"file://{story.upstream}")
    git(shallow.fork, "fetch", "-q", "--depth", "1", "upstream")
    assert "--unshallow" in refused(shallow, "sync", "upstream/main", says="shallow")


def test_a_detached_head_can_be_synced(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    story.edit(f"{INT4}.cu", "static int mindiv_int4(", "static  int mindiv_int4(", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    git(story.fork, "checkout", "-q", "--detach")
    assert story.run("sync", "upstream/main").code == 0
    assert "static  int mindiv_int4(" in story.text(f"{INT4}/kernel.cuh")
    assert git(story.fork, "symbolic-ref", "-q", "HEAD", check=False) == ""


def test_an_old_git_is_named(story, tmp_path):
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "git").write_text("#!/bin/sh\necho git version 2.20.1\n")
    (fake / "git").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "mergeguard", "status"],
        cwd=story.fork,
        env={"PATH": f"{fake}:/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "2.20.1" in done.stderr
    assert "2.38" in done.stderr


def test_a_sync_while_a_merge_is_in_progress(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    story.edit(f"{INT4}.cu", "static int mindiv_int4(", "static  int mindiv_int4(", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    (story.fork / ".git" / "MERGE_HEAD").write_text(git(story.fork, "rev-parse", "upstream/main"))
    refused(story, "sync", "upstream/main", says="merge is in progress")


def test_unknown_options_are_usage_errors(story):
    assert story.run("sync", "--no-such-option").code == 2
    assert story.run("where", "no-line").code == 2
