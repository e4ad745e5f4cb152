"""Whatever kind of tree entry stands at a path of a layout: its outcome is defined, nothing of it is lost."""

from __future__ import annotations

import pytest

from tests.support.story import INT4, Story, git

HEADER = f"{INT4}/kernel.cuh"
MONOLITH = f"{INT4}.cu"


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    folder = tmp_path_factory.mktemp("entries")
    story = Story.begin(folder, "skinny_gemms_int4")
    return (
        folder,
        git(story.fork, "rev-parse", "HEAD").strip(),
        git(story.upstream, "rev-parse", "HEAD").strip(),
    )


@pytest.fixture
def story(begun):
    folder, fork, upstream = begun
    story = Story(folder / "upstream", folder / "fork")
    yield story
    for root, commit in ((story.fork, fork), (story.upstream, upstream)):
        git(root, "merge", "--abort", check=False)
        git(root, "reset", "-q", "--hard", commit)
        git(root, "clean", "-fdq")
    for private in ("rebase.json", "pending"):
        (story.fork / ".git/mergeguard" / private).unlink(missing_ok=True)


def upstream_edits(story, old="static int mindiv_int4(", new="static  int mindiv_int4("):
    story.edit(MONOLITH, old, new, upstream=True)
    story.upstream_commits("release 2")
    story.fetch()


def mode_of(story, path, commit="HEAD"):
    return git(story.fork, "ls-tree", commit, "--", path).split(" ")[0]


def put(story, kind, path):
    """Something of the user's in place of a file, committed; gives what ``git ls-tree -r`` says of it."""
    target = story.fork / path
    target.unlink()
    if kind == "link":
        target.symlink_to("mine.cuh")
    elif kind == "folder":
        target.mkdir()
        (target / "inside.cuh").write_text("mine\n")
    else:
        git(story.fork, "init", "-q", path)
        (target / "x").write_text("x")
        git(target, "add", "x")
        git(target, "commit", "-q", "-m", "x")
    (target.parent / "mine.cuh").write_text("// mine\n")
    story.commits(f"a {kind} there")
    return git(story.fork, "ls-tree", "-r", "HEAD", "--", path)


KINDS = pytest.mark.parametrize("kind", ["link", "folder", "submodule"])


def some_shard(story):
    return min(str(p.relative_to(story.fork)) for p in (story.fork / INT4).glob("*.cu"))


@KINDS
@pytest.mark.parametrize("file", ["header", "shard"])
def test_what_the_user_put_in_place_of_a_file_survives_a_sync_and_is_named(story, kind, file):
    path = HEADER if file == "header" else some_shard(story)
    there = put(story, kind, path)
    upstream_edits(story)
    ran = story.run("sync", "upstream/main")
    assert ran.code == 1, ran.out + ran.err
    assert path in ran.out
    assert git(story.fork, "ls-tree", "-r", "HEAD", "--", path) == there
    assert git(story.fork, "status", "--porcelain") == ""
    checked = story.run("check")
    assert checked.code == 1 and path in checked.out and "stands there now" in checked.out


@KINDS
@pytest.mark.parametrize("verb", ["split", "leave skinny_gemms_int4 --drop-hunks"], ids=["split", "leave"])
def test_and_every_verb_that_writes_layouts(story, kind, verb):
    there = put(story, kind, HEADER)
    ran = story.run(*verb.split())
    assert ran.code == 0, ran.err
    staged = git(story.fork, "write-tree").strip()
    assert git(story.fork, "ls-tree", "-r", staged, "--", HEADER) == there


@KINDS
def test_and_a_rebase(story, kind):
    there = put(story, kind, HEADER)
    upstream_edits(story)
    story.run("sync", "--rebase", "upstream/main")
    assert git(story.fork, "ls-tree", "-r", "HEAD", "--", HEADER) == there


def test_the_file_comes_back_by_the_printed_command(story):
    put(story, "link", HEADER)
    text = git(story.fork, "show", f"HEAD~1:{HEADER}")
    (hunk,) = [line.split()[0] for line in story.run("unmapped").out.splitlines() if HEADER in line][:1]
    shown = story.run("unmapped", "show", hunk)
    (command,) = [line for line in shown.out.splitlines() if "git rm" in line]
    first, _, last = command.strip().strip("`").rpartition(" && ")
    for part in first[first.index("git rm") :].split(" && "):
        words = part.split()
        if words[0] == "git":
            git(story.fork, *words[1:])
        else:
            (story.fork / words[2]).rename(story.fork / words[3])
    assert story.run(*last.split()[1:4]).code == 0
    assert (story.fork / HEADER).read_text() == text
    assert (story.fork / f"{HEADER}.mine").is_symlink()


@pytest.mark.parametrize("file", ["header", "shard", "entry"])
def test_an_executable_file_stays_executable(story, file):
    path = {"header": HEADER, "shard": some_shard(story), "entry": MONOLITH}[file]
    (story.fork / path).chmod(0o755)
    story.commits("chmod +x")
    upstream_edits(story)
    assert story.run("sync", "upstream/main").code == 0
    assert mode_of(story, path) == "100755"
    assert story.run("split").code == 0
    assert git(story.fork, "status", "--porcelain") == ""


@KINDS
def test_an_entry_that_is_no_file_is_refused_by_name(story, kind):
    there = put(story, kind, MONOLITH)
    upstream_edits(story)
    for verb in (["sync", "upstream/main"], ["split"], ["leave", "skinny_gemms_int4"]):
        before = story.fingerprint()
        ran = story.run(*verb)
        assert ran.code == 2 and MONOLITH in ran.err and "in place of the file" in ran.err, (verb, ran.err)
        assert story.fingerprint() == before
    assert git(story.fork, "ls-tree", "-r", "HEAD", "--", MONOLITH) == there


@KINDS
@pytest.mark.parametrize("edited", [False, True], ids=["unedited", "edited"])
def test_a_monolith_that_upstream_makes_something_else_ends_its_split_only(story, kind, edited):
    if edited:
        story.edit(HEADER, "static int mindiv_int4(", "static int  mindiv_int4(")
        story.commits("ours")
    outer = Story(story.upstream, story.upstream)
    put(outer, kind, MONOLITH)
    story.fetch()
    ran = story.run("sync", "upstream/main")
    assert ran.code == 1, ran.out + ran.err
    assert "no longer split" in ran.out
    typed = "static int  mindiv_int4("
    everywhere = git(story.fork, "grep", "-F", "--untracked", typed, check=False)
    assert not edited or typed in everywhere
    if not edited:
        assert mode_of(story, MONOLITH) == mode_of(story, MONOLITH, "upstream/main") != "100644"
