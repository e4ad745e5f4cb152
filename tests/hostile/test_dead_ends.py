"""What used to end in a traceback, a wrong place or an orphan ends in a defined state with a next step."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from mergeguard.data import shipped_rules
from mergeguard.lens.rule import parse_rule
from tests.support.story import INT4, PAGED, Story, git

LOCK = ".mergeguard/locks/skinny_gemms_int4.toml"


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    return Story.begin(tmp_path_factory.mktemp("ends"), "skinny_gemms_int4")


@pytest.fixture
def story(begun):
    start = git(begun.fork, "rev-parse", "HEAD").strip()
    yield begun
    git(begun.fork, "reset", "-q", "--hard", start)
    git(begun.fork, "clean", "-fdq")


def mergeguard(*arguments, cwd, prefix=""):
    code = f"import sys; sys.argv[0] = 'mergeguard'\n{prefix}\nfrom mergeguard.__main__ import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_a_demo_in_a_relative_folder_is_made_there(tmp_path):
    done = mergeguard("demo", "here", cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    assert {"fork", "upstream"} <= {path.name for path in (tmp_path / "here").iterdir()}
    assert not (tmp_path / "here/upstream/here").exists()


@pytest.mark.parametrize(
    "module", ["mergeguard.cli.app", "mergeguard.hooks.mergefile", "mergeguard.cli.looking"]
)
def test_ctrl_c_while_the_program_is_being_read(tmp_path, module):
    """An import that is interrupted, as by ctrl-C in the first tenth of a second."""
    prefix = f"""
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder)
"""
    verb = "merge-file" if module.endswith("mergefile") else "status"
    done = mergeguard(verb, cwd=tmp_path, prefix=prefix)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


@pytest.mark.parametrize("lock", ["HEAD.lock", "index.lock", "refs/heads/fork.lock", "packed-refs.lock"])
def test_a_lock_that_a_killed_git_left_is_named_by_recover(story, lock):
    path = story.fork / ".git" / lock
    path.write_text("")
    try:
        ran = story.run("recover")
        assert ran.code == 1 and str(path) in ran.out
        assert re.search(rf"`rm .*{re.escape(lock)}`", ran.out)
        assert path.exists()
    finally:
        path.unlink()
    assert story.run("recover").code == 0


# -- lost locks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("committed", [False, True], ids=["work tree", "committed"])
@pytest.mark.parametrize("verb", [["leave", "skinny_gemms_int4"], ["split"], ["check"], ["status"]])
def test_without_its_lock_a_layout_is_not_orphaned(story, verb, committed):
    (story.fork / LOCK).unlink()
    if committed:
        story.commits("lost")
    before = story.fingerprint()
    ran = story.run(*verb)
    assert ran.code in (0, 1, 2) and story.fingerprint() == before
    assert "the lock of rule skinny_gemms_int4 is missing" in ran.out + ran.err
    if verb[0] in ("leave", "split"):
        assert ran.code == 2
        (command,) = re.findall(r"`git (checkout \S+ -- \S+)`", " ".join(ran.err.split()))
        git(story.fork, *command.split())
        assert story.run("leave", "skinny_gemms_int4").code == 0


def test_a_split_made_by_hand_is_no_lost_one(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4", split=False)
    rule = parse_rule(shipped_rules()["vllm/skinny_gemms_int4.toml"], "r.toml")
    shard = rule.shard_files()[0]
    story.write(f"{INT4}/{shard}", b"// by hand\n")
    story.commits("by hand")
    assert "is missing" not in story.run("check").out
    assert story.run("leave", "skinny_gemms_int4").code == 0


# -- init ----------------------------------------------------------------------------------------------


def test_a_file_that_a_rule_has_gets_no_second_one(story):
    story.write(".mergeguard/rules/paged.toml", shipped_rules()["vllm/paged_attention_v1.toml"])
    story.commits("a rule, not split yet")
    before = story.fingerprint()
    ran = story.run("init", f"{PAGED}.cu", "--name", "second")
    assert ran.code == 2 and "has a rule already: paged" in ran.err and "next:" in ran.err
    assert story.fingerprint() == before
    assert story.run("split", "paged").code == 0


@pytest.mark.parametrize("name", ['a"b.cu', "a\\b.cu", "caf\udce9.cu", "weiß.cu"])
def test_a_monolith_of_any_name_is_split_synced_and_whole_again(tmp_path, name):
    story = Story.begin(tmp_path)
    whole = (story.upstream / f"{PAGED}.cu").read_bytes()
    (story.upstream / "csrc" / name).write_bytes(whole)
    story.upstream_commits("odd name")
    story.fetch()
    git(story.fork, "merge", "-q", "upstream/main")
    path = f"csrc/{name}"
    assert story.run("init", path, "--name", "odd").code == 0
    rule = ".mergeguard/rules/odd.toml"
    story.write(rule, b"build = []\n" + (story.fork / rule).read_bytes())  # no build file lists it, as it is
    ran = story.run("split", "odd")
    assert ran.code == 0, ran.out + ran.err
    story.commits("split")
    assert story.run("check").code == 0
    edited = whole.replace(b"block(NUM_THREADS)", b"block(NUM_THREADS, 1)")
    assert edited != whole
    (story.upstream / "csrc" / name).write_bytes(edited)
    story.upstream_commits("release 2")
    story.fetch()
    ran = story.run("sync", "upstream/main")
    assert ran.code == 0, ran.out + ran.err
    assert story.run("leave", "odd").code == 0
    assert (story.fork / "csrc" / name).read_bytes() == edited
