"""Installing into real clones, with plain git commands calling what was installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mergeguard.git import hooks
from mergeguard.git.atwork import NOTE, PUT_OFF
from mergeguard.git.hooks import CHAINED, HOOKS, Folder, hooks_folder, inspect, install, uninstall
from mergeguard.git.process import git_version
from tests.git.conftest import Sandbox


@pytest.fixture(autouse=True)
def _in_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a git that runs no hooks from its configuration; the newest ones are tried at the end."""
    monkeypatch.setattr(hooks, "CONFIGURED_SINCE", (99,))


class Clone(Sandbox):
    """A repository with a stand-in for mergeguard that logs how it is called."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.log = root.parent / "log"
        self.launcher = root.parent / "bin with space" / "mergeguard"
        self.launcher.parent.mkdir()
        self.launcher.write_text(
            f"""#!/bin/sh
echo "$@" >>'{self.log}'
case $1 in
hook) [ -t 0 ] || sed 's/^/  /' >>'{self.log}' ;;
merge-driver) cat "$3.fake" >"$3" 2>/dev/null || echo merged by the driver >"$3" ;;
esac
[ ! -e '{self.log}.refuse' ]
"""
        )
        self.launcher.chmod(0o755)
        split(root)

    def note(self) -> None:
        """What the merge driver leaves where something is not settled yet."""
        note = self.root / ".git" / NOTE
        note.parent.mkdir(exist_ok=True)
        note.touch()

    def install(self, *paths: str, committed_attributes: bool = False):
        return install(
            self.repository,
            paths,
            launcher=(str(self.launcher),),
            committed_attributes=committed_attributes,
        )

    def calls(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def hook(self, path: str, text: str = "") -> Path:
        """An executable hook that logs its name (and input), then runs ``text``."""
        name = Path(path).name
        script = self.write(path, f"#!/bin/sh\necho former {name} >>'{self.log}'\n{text}\n")
        script.chmod(0o755)
        return script

    def fork(self) -> None:
        self.commit_files({"split.cu": "base\n", "other": "base\n"})
        self.git("checkout", "-q", "-b", "upstream")
        self.commit_files({"split.cu": "theirs\n", "other2": "1"})
        self.git("checkout", "-q", "main")
        self.commit_files({"split.cu": "ours\n"})

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Everything that an installation may touch."""
        found = {}
        for folder in (".git/hooks", ".git/info", ".git/mergeguard", ".husky", ".githooks"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.is_file() and not path.name.startswith("git-"):
                    found[str(path.relative_to(self.root))] = (path.stat().st_mode, path.read_bytes())
        for name in (".git/config", ".gitattributes"):
            if (self.root / name).exists():
                found[name] = (0, (self.root / name).read_bytes())
        return found


def split(root: Path) -> None:
    """Let the work tree look like that of a fork with layouts: no hook has anything to do elsewhere."""
    (root / ".mergeguard/locks").mkdir(parents=True)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "repo")


def test_install_and_uninstall_leave_nothing(clone):
    clone.commit(a="1")
    before = clone.files()
    assert inspect(clone.repository).missing == HOOKS
    clone.install("split.cu", "sub/other.cu")
    found = inspect(clone.repository)
    assert found.complete
    assert found.attributes == ("/split.cu", "/sub/other.cu")
    assert clone.files() != before
    assert clone.git("status", "--porcelain") == ""
    uninstall(clone.repository)
    assert clone.files() == before
    assert not inspect(clone.repository).driver


def test_twice_is_once(clone):
    clone.commit(a="1")
    clone.install("split.cu")
    once = clone.files()
    clone.install("split.cu")
    assert clone.files() == once
    clone.install("another.cu")
    assert inspect(clone.repository).attributes == ("/another.cu",)


def test_plain_merge_calls_driver_and_hook(clone):
    clone.fork()
    clone.install("split.cu")
    clone.git("merge", "-q", "--no-edit", "upstream")
    assert clone.read("split.cu") == b"merged by the driver\n"
    calls = clone.calls()
    assert calls[0].startswith("merge-driver .merge_file_")
    assert calls[0].endswith(" 7 split.cu")
    assert "hook post-merge 0" in calls


def test_driver_conflict(clone):
    clone.fork()
    clone.install("split.cu")
    Path(f"{clone.log}.refuse").touch()
    clone.git("merge", "-q", "--no-edit", "upstream", ok=False)
    assert clone.git("status", "--porcelain").splitlines() == ["UU split.cu", "A  other2"][::-1]


def test_plain_rebase_calls_post_rewrite_with_what_git_says(clone):
    clone.fork()
    clone.install("split.cu")
    old = clone.git("rev-parse", "HEAD")
    clone.git("rebase", "-q", "upstream")
    calls = clone.calls()
    assert "hook post-rewrite rebase" in calls
    assert f"  {old} {clone.git('rev-parse', 'HEAD')}" in calls


def test_guarded_hooks_wait_for_the_drivers_note(clone):
    clone.commit(a="1")
    clone.install("split.cu")
    clone.commit(a="2")
    clone.git("checkout", "-q", "-b", "x")
    assert clone.calls() == []
    clone.write(".git/mergeguard/pending", "")
    clone.commit(a="3")
    clone.git("checkout", "-q", "main")
    assert [call.split()[1] for call in clone.calls() if call.startswith("hook")] == [
        "prepare-commit-msg",
        "post-commit",
    ]


def test_pre_push_may_refuse(clone, tmp_path):
    Sandbox(tmp_path / "remote.git", "--bare")
    clone.commit(a="1")
    clone.install("split.cu")
    clone.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    clone.note()
    clone.git("push", "-q", "origin", "main")
    oid = clone.git("rev-parse", "main")
    calls = clone.calls()
    assert calls[0].startswith("hook pre-push origin ")
    assert calls[1].startswith(f"  refs/heads/main {oid} refs/heads/main ")
    clone.commit(a="2")
    Path(f"{clone.log}.refuse").touch()
    clone.git("push", "-q", "origin", "main", ok=False)
    assert clone.git("ls-remote", "origin", "main").split()[0] == oid


def test_former_hooks_run_first_and_come_back(clone, tmp_path):
    Sandbox(tmp_path / "remote.git", "--bare")
    clone.fork()
    clone.hook(".git/hooks/post-merge")
    clone.hook(".git/hooks/pre-push", f"sed 's/^/former /' >>'{clone.log}'; [ ! -e refuse ]")
    before = clone.files()
    actions = clone.install("split.cu")
    assert {Path(action.where).name for action in actions if action.what == "chained"} == {
        "post-merge",
        "pre-push",
    }
    clone.git("merge", "-q", "--no-edit", "upstream")
    calls = clone.calls()
    assert calls.index("former post-merge") < calls.index("hook post-merge 0")
    clone.note()
    clone.git("push", "-q", str(tmp_path / "remote.git"), "main")
    calls = clone.calls()
    assert calls[0] == "former pre-push"
    assert calls[1].startswith("former refs/heads/main ")
    assert calls[2].startswith("hook pre-push ")
    assert calls[3].startswith("  refs/heads/main ")
    clone.write("refuse", "")
    clone.git("push", "-q", str(tmp_path / "remote.git"), "main:other", ok=False)
    assert [call for call in clone.calls() if call.startswith("hook")] == []
    (clone.root / ".git" / NOTE).unlink()
    uninstall(clone.repository)
    assert clone.files() == before


def test_a_hook_written_over_ours_is_chained_and_nothing_lost(clone):
    clone.commit(a="1")
    clone.hook(".git/hooks/post-merge", "# first")
    clone.install("split.cu")
    clone.hook(".git/hooks/post-merge", "# second, written over ours")
    assert "post-merge" in inspect(clone.repository).missing
    actions = clone.install("split.cu")
    note = next(action.note for action in actions if action.where.endswith("post-merge"))
    assert "kept as" in note
    assert b"# second" in clone.read(f".git/hooks/post-merge{CHAINED}")
    assert b"# first" in clone.read(f".git/hooks/post-merge{CHAINED}-1")


PRE_COMMIT = """#!/bin/sh
# File generated by pre-commit: https://pre-commit.com
echo pre-commit {name} >>'{log}'
if [ -n "$PRE_COMMIT_RUNNING_LEGACY" ]; then echo bug: migration mode >>'{log}'; exit 1; fi
legacy="$(dirname "$0")/{name}.legacy"
if [ -x "$legacy" ]; then PRE_COMMIT_RUNNING_LEGACY=1 "$legacy" "$@" || exit 1; fi
"""


def pre_commit_install(clone: Clone, name: str) -> None:
    """What `pre-commit install --hook-type NAME` does."""
    path = clone.root / ".git/hooks" / name
    if path.exists() and "generated by pre-commit" not in "".join(path.read_text().splitlines()[1:2]):
        path.rename(path.with_name(f"{name}.legacy"))
    path.parent.mkdir(exist_ok=True)
    path.write_text(PRE_COMMIT.format(name=name, log=clone.log))
    path.chmod(0o755)


@pytest.mark.parametrize("order", ["before", "after", "before and after"])
def test_pre_commit_before_and_after_us(clone, order):
    clone.fork()
    if "before" in order:
        pre_commit_install(clone, "post-merge")
    clone.install("split.cu")
    if "after" in order:
        pre_commit_install(clone, "post-merge")
    assert "post-merge" in inspect(clone.repository).hooks
    clone.install("split.cu")
    clone.git("merge", "-q", "--no-edit", "upstream")
    calls = [call for call in clone.calls() if not call.startswith("merge-driver")]
    assert calls == ["hook pre-merge-commit", "pre-commit post-merge", "hook post-merge 0"]
    uninstall(clone.repository)
    clone.git("reset", "-q", "--hard", "HEAD~1")
    clone.git("merge", "-q", "-X", "ours", "--no-edit", "upstream")
    assert clone.calls() == ["pre-commit post-merge"]


HUSKY_9 = """#!/usr/bin/env sh
s=$(dirname "$(dirname "$0")")/$(basename "$0")
[ -f "$s" ] || exit 0
sh -e "$s" "$@"
"""
HUSKY_8 = """if [ -z "$husky_skip_init" ]; then
  export husky_skip_init=1
  sh -e "$0" "$@"
  exit $?
fi
"""


@pytest.mark.parametrize("version", [8, 9])
def test_husky(clone, version):
    """Committed hooks: lines that do nothing for colleagues without mergeguard."""
    clone.fork()
    former = f"echo former post-merge >>'{clone.log}'\nexec true\n"
    if version == 9:
        clone.write(".husky/_/h", HUSKY_9)
        for name in HOOKS:
            starter = '#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n'
            clone.write(f".husky/_/{name}", starter).chmod(0o755)
        clone.write(".husky/_/.gitignore", "*")
        clone.write(".husky/post-merge", former)
        clone.git("config", "core.hooksPath", ".husky/_")
    else:
        clone.write(".husky/_/husky.sh", HUSKY_8)
        starter = '#!/bin/sh\n. "$(dirname "$0")/_/husky.sh"\n\n'
        clone.write(".husky/post-merge", starter + former).chmod(0o755)
        clone.git("config", "core.hooksPath", ".husky")
    before = clone.files()
    assert hooks_folder(clone.repository).kind is Folder.COMMITTED
    actions = clone.install("split.cu")
    assert any(action.where == ".husky/post-merge" and "commit" in action.note for action in actions)
    assert inspect(clone.repository).complete
    without = os.environ["PATH"]
    clone.git("merge", "-q", "--no-edit", "upstream", PATH=without)
    assert [call for call in clone.calls() if not call.startswith("merge-driver")] == ["former post-merge"]
    clone.git("reset", "-q", "--hard", "HEAD~1")
    clone.git("merge", "-q", "--no-edit", "upstream", PATH=f"{clone.launcher.parent}:{without}")
    assert [call for call in clone.calls() if not call.startswith("merge-driver")] == [
        "hook pre-merge-commit",
        "hook post-merge 0",
        "former post-merge",
    ]
    once = clone.files()
    clone.install("split.cu")
    assert clone.files() == once
    uninstall(clone.repository)
    assert clone.files() == before


def test_committed_hook_in_another_language_is_left_alone(clone):
    clone.commit(a="1")
    script = clone.write(".githooks/post-merge", "#!/usr/bin/env python3\nprint(1)\n")
    clone.git("config", "core.hooksPath", ".githooks")
    actions = clone.install("split.cu")
    skipped = [action for action in actions if action.what == "skipped"]
    assert [action.where for action in skipped] == [".githooks/post-merge"]
    assert "mergeguard hook post-merge" in skipped[0].note
    assert script.read_text() == "#!/usr/bin/env python3\nprint(1)\n"
    assert inspect(clone.repository).missing == ("post-merge",)


@pytest.mark.parametrize("scope", ["--global", "--local"])
def test_hooks_for_all_repositories_are_not_touched(clone, tmp_path, monkeypatch, scope):
    clone.fork()
    config = tmp_path / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    shared = tmp_path / "shared hooks"
    for name in ("post-merge", "commit-msg"):
        clone.hook(f"../shared hooks/{name}")
    clone.git("config", scope, "core.hooksPath", str(shared))
    assert hooks_folder(clone.repository).kind is Folder.SHARED
    files = sorted(path.name for path in shared.iterdir())
    before = clone.files()
    clone.install("split.cu")
    clone.install("split.cu")
    assert inspect(clone.repository).complete
    assert sorted(path.name for path in shared.iterdir()) == files
    clone.git("merge", "-q", "--no-edit", "upstream")
    calls = [call for call in clone.calls() if not call.startswith("merge-driver")]
    assert calls == [
        "hook pre-merge-commit",
        "former commit-msg",
        "former post-merge",
        "hook post-merge 0",
    ]
    uninstall(clone.repository)
    assert clone.files() == before
    assert clone.git("config", "core.hooksPath") == str(shared)


def test_when_mergeguard_is_gone_git_goes_on(clone):
    clone.fork()
    clone.install("split.cu")
    clone.launcher.unlink()
    clone.git("merge", "-q", "--no-edit", "upstream", ok=False)
    assert b"<<<<<<< ours\nours\n=======\ntheirs\n>>>>>>> theirs\n" in clone.read("split.cu")
    assert clone.git("diff", "--name-only", "--diff-filter=U") == "split.cu"
    clone.write("split.cu", "resolved\n")
    clone.git("add", "split.cu")
    clone.git("commit", "-q", "--no-edit")


def test_a_colleagues_clone_merges_as_git_does(clone, tmp_path):
    clone.fork()
    clone.install("split.cu", committed_attributes=True)
    clone.commit_files({})
    clone.git("clone", "-q", str(clone.root), str(tmp_path / "colleague"))
    colleague = Sandbox.at(tmp_path / "colleague")
    assert b"merge=mergeguard" in colleague.read(".gitattributes")
    colleague.git("merge", "-q", "origin/upstream", ok=False)
    assert b"<<<<<<< HEAD\nours\n=======\ntheirs\n" in colleague.read("split.cu")
    assert clone.calls() == []


def test_our_own_git_commands_do_not_call_us(clone):
    clone.fork()
    clone.hook(".git/hooks/post-merge")
    clone.install("split.cu")
    outcome = clone.repository.merge_trees("main", "upstream")
    assert [conflict.path for conflict in outcome.conflicts] == ["split.cu"]
    entry = clone.repository.entry(outcome.tree, "split.cu")
    assert entry is not None
    text = clone.repository.read_blob(entry.oid)
    assert text == b"<<<<<<< ours\nours\n=======\ntheirs\n>>>>>>> theirs\n"
    clone.repository.git("merge", "-q", "--no-edit", "-s", "ours", "upstream")
    assert clone.calls() == ["former post-merge"]


def test_linked_work_trees_share_it(clone, tmp_path):
    clone.fork()
    clone.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    linked = Sandbox.at(tmp_path / "linked")
    split(linked.root)
    install(linked.repository, ["split.cu"], launcher=(str(clone.launcher),))
    assert inspect(clone.repository).complete
    linked.git("merge", "-q", "--no-edit", "upstream")
    assert "hook post-merge 0" in clone.calls()


def test_where_nothing_can_be_to_do_nothing_is_started(clone, tmp_path):
    Sandbox(tmp_path / "remote.git", "--bare")
    shutil.rmtree(clone.root / ".mergeguard")
    clone.fork()
    clone.install()
    clone.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    clone.git("rebase", "-q", "--force-rebase", "HEAD~1")
    clone.git("merge", "-q", "--no-edit", "-s", "ours", "upstream")
    clone.git("push", "-q", "origin", "main")
    assert clone.calls() == []
    clone.note()
    clone.git("push", "-q", "-f", "origin", "main")
    assert [call.split()[:2] for call in clone.calls()[:1]] == [["hook", "pre-push"]]


# -- hooks that git's configuration names ----------------------------------------------------------------


@pytest.fixture
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "CONFIGURED_SINCE", (2, 38))


@pytest.mark.usefixtures("_configured")
def test_configured_hooks_take_the_place_of_ours_in_folders_and_leave_nothing(clone, monkeypatch):
    former = clone.hook(".git/hooks/post-merge")
    text = former.read_bytes()
    before = clone.read(".git/config")
    monkeypatch.setattr(hooks, "CONFIGURED_SINCE", (99,))
    clone.install("split.cu")
    assert former.read_bytes() != text
    monkeypatch.setattr(hooks, "CONFIGURED_SINCE", (2, 38))
    clone.install("split.cu")
    assert former.read_bytes() == text
    assert inspect(clone.repository).complete
    assert clone.git("config", "--get", "hook.mergeguard-post-merge.event") == "post-merge"
    assert "post-merge" in clone.git("config", "--get", "hook.mergeguard-post-merge.command")
    script = clone.root / ".git/mergeguard/configured-hooks/post-merge"
    assert "mergeguard hook" in script.read_text()
    assert {action.what for action in clone.install("split.cu")} == {"kept"}
    uninstall(clone.repository)
    assert clone.read(".git/config") == before
    assert former.read_bytes() == text
    assert not script.exists()


def test_git_runs_hooks_that_its_configuration_names(clone, monkeypatch):
    if git_version() < (2, 54):
        pytest.skip("hooks from git's configuration need git 2.54: install it")
    monkeypatch.setattr(hooks, "CONFIGURED_SINCE", (2, 54))
    clone.hook(".git/hooks/post-merge")
    clone.fork()
    clone.install("split.cu")
    clone.git("merge", "-q", "--no-edit", "upstream")
    calls = clone.calls()
    assert "hook post-merge 0" in calls and "former post-merge" in calls


@pytest.mark.parametrize(
    ("known_by", "differs"),
    [
        ("its path", ""),
        ("its path", "HEAD"),
        ("its path", "the step"),
        ("its path", "the file"),
        ("its path", "the note is gone"),
        ("an answer", ""),
        ("an answer", "the answer is gone"),
        ("its bytes", ""),
        ("its bytes", "the bytes"),
    ],
)
def test_what_a_pick_puts_off_needs_no_process(clone, known_by, differs):
    """The driver's shell answers where an earlier call has noted what the file is to be."""
    clone.fork()
    clone.install("split.cu")
    onto, picked = clone.git("rev-parse", "upstream"), clone.git("rev-parse", "main")
    step = f"pick {picked} {clone.git('log', '-1', '--format=%s', 'main')}"
    path = "split.cu" if differs != "the file" else "split.cuh"
    answer = f"{PUT_OFF}.1"
    file = {"its path": (path, ""), "an answer": (path, answer), "its bytes": ("", answer)}[known_by]
    noted = [
        onto if differs != "HEAD" else picked,
        step if differs != "the step" else step + " ",
        *("other.cu", ""),
        *file,
    ]
    (clone.root / ".git/mergeguard").mkdir(exist_ok=True)
    (clone.root / ".git" / PUT_OFF).write_text("".join(f"{line}\n" for line in noted))
    if differs != "the answer is gone":
        text = "ours\n" if known_by == "its bytes" and differs != "the bytes" else "listed again\n"
        (clone.root / ".git" / answer).write_text(text)
    if differs != "the note is gone":
        clone.note()

    clone.git("rebase", "-q", "upstream")

    called = [call for call in clone.calls() if call.startswith("merge-driver")]
    assert bool(called) == bool(differs)
    if not called:
        assert clone.read("split.cu") == (b"listed again\n" if known_by == "an answer" else b"ours\n")
