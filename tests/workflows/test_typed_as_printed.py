"""Every command that a screen prints works where it was printed: each is typed as it stands there.

A scenario is a way into a state; each screen that it yields is read by ``tests.support.printed``. A command
may find something (exit status 1); it may not be refused.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.printed import type_all
from tests.support.rules import full_rules
from tests.support.story import INT4, PAGED, SKINNY, Ran, Story, git

LINE = "  return __half2float(v);"
KERNEL = f"{INT4}/kernel.cuh"
LOCK = ".mergeguard/locks/skinny_gemms_int4.toml"
RULE = ".mergeguard/rules/skinny_gemms_int4.toml"
Scenario = Callable[[Story], Iterator[Ran]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files split, an edit in each."""
    folder = tmp_path_factory.mktemp("typed")
    story = Story.begin(folder, "skinny_gemms", "skinny_gemms_int4")
    story.edit(KERNEL, LINE, LINE + "  // fork: ours")
    story.edit(f"{SKINNY}/kernel.cuh", "  int waves = div2;", "  int waves = div2;  // fork: two")
    story.commits("tune both")
    return folder


@pytest.fixture
def story(begun: Path, tmp_path: Path) -> Story:
    return Story.copied(begun, tmp_path)


def goes_on(story: Story, *, clash: bool = False, path: str = f"{INT4}.cu") -> None:
    """Upstream's next commit: beside the fork's edit, or on its line."""
    if clash:
        story.edit(path, LINE, LINE + "  // theirs", upstream=True)
    else:
        text = story.upstream / path
        text.write_text("// upstream: more\n" + text.read_text())
    story.upstream_commits("upstream goes on")
    story.fetch()


def plain(story: Story, *arguments: str) -> Ran:
    """A plain git command, as a screen."""

    done = subprocess.run(["git", *arguments], cwd=story.fork, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


# -- scenarios -------------------------------------------------------------------------------------------


def without_rules(story: Story) -> Iterator[Ran]:
    git(story.fork, "reset", "-q", "--hard", "upstream/main")
    for verb in ("status", "check", "split", "rules", "report", "unmapped", "ledger", "verify"):
        yield story.run(verb)
    yield story.run("init", "csrc")
    yield story.run("init", f"{INT4}/../ops.h")
    yield story.run("rules", "add", "deepspeed")
    yield story.run("rules", "add", "nonsense")
    yield story.run("rules", "add", "vllm")
    yield story.run("check")
    yield story.run("status")
    yield story.run("init", f"{PAGED}.cu")


def upstream_unknown(story: Story) -> Iterator[Ran]:
    git(story.fork, "remote", "rename", "upstream", "elsewhere")
    git(story.fork, "branch", "-q", "upstream/main", "elsewhere/main")  # what a reader puts for REF
    for verb in (["sync"], ["plan"], ["preview"], ["ledger"], ["export"], ["status"]):
        yield story.run(*verb)
    yield story.run("sync", "nowhere/main")
    yield story.run("sync", "elsewhere/nothing")


def upstream_waits(story: Story) -> Iterator[Ran]:
    goes_on(story)
    for verb in ("status", "report", "preview", "plan", "check"):
        yield story.run(verb)
    yield story.run("sync", "upstream/main")
    yield story.run("report")
    yield story.run("audit")


def a_conflict(story: Story) -> Iterator[Ran]:
    goes_on(story, clash=True)
    yield story.run("sync", "upstream/main")
    for verb in (
        ["status"],
        ["report"],
        ["sync", "--continue"],
        ["sync", "upstream/main"],
        ["split"],
        ["audit"],
    ):
        yield story.run(*verb)
    yield story.run("report", "--format", "markdown")
    git(story.fork, "checkout", "-q", "--theirs", KERNEL)
    git(story.fork, "add", KERNEL)
    yield story.run("status")
    yield story.run("sync", "--continue")
    yield story.run("report", "--pull-request")


def a_conflict_in_two_commits(story: Story) -> Iterator[Ran]:
    goes_on(story, clash=True)
    yield story.run("sync", "--two-commits", "upstream/main")
    git(story.fork, "checkout", "-q", "--theirs", KERNEL)
    git(story.fork, "add", KERNEL)
    yield story.run("sync", "--continue")


def a_rebase_that_conflicts(story: Story) -> Iterator[Ran]:
    goes_on(story, clash=True)
    yield story.run("sync", "--rebase", "upstream/main")
    for verb in (["status"], ["sync", "--continue"], ["sync", "upstream/main"], ["report"]):
        yield story.run(*verb)


def steps(story: Story) -> Iterator[Ran]:
    goes_on(story)
    goes_on(story, clash=True)
    yield story.run("plan", "upstream/main")
    yield story.run("sync", "--stepwise", "--branches", "catch-up", "upstream/main")
    yield story.run("sync", "--abort")


def nothing_to_go_on_with(story: Story) -> Iterator[Ran]:
    for option in ("--continue", "--abort", "--skip", "--quit"):
        yield story.run("sync", option)
    yield story.run("sync", "upstream/main")
    yield story.run("audit")
    yield story.run("audit", "HEAD~1")
    yield story.run("report", "--pull-request")
    yield story.run("ledger", "HEAD~1")


def work_that_is_not_committed(story: Story) -> Iterator[Ran]:
    goes_on(story)
    story.edit(KERNEL, "// fork: ours", "// fork: ours, more")
    yield story.run("sync", "upstream/main")
    yield story.run("sync", "--rebase", "upstream/main")
    story.write(f"{INT4}.cu", b"// mine\n")
    yield story.run("leave", "skinny_gemms_int4")


def a_kernel_without_a_place(story: Story) -> Iterator[Ran]:
    shard = sorted((story.fork / INT4).glob("instantiate*.cu"))[0]
    path = shard.relative_to(story.fork).as_posix()
    story.write(
        path,
        shard.read_bytes()
        + b"\n// the fork's own\nstatic int twice(int n) { return mindiv_int4(n, 2, 2); }\n",
    )
    yield story.run("status")
    yield story.run("unmapped")
    story.commits("a helper of ours")
    for verb in (["status"], ["check"], ["report"], ["unmapped"]):
        yield story.run(*verb)
    listed = story.run("unmapped").out.split()[0]
    yield story.run("unmapped", "show", listed)
    yield story.run("unmapped", "apply", listed, "--after", "nothing_of_that_name")
    yield story.run("leave", "skinny_gemms_int4")
    yield story.run("mode", "build", "skinny_gemms_int4")
    yield story.run("unmapped", "keep", listed)
    yield story.run("unmapped", "show", listed)
    yield story.run("unmapped", "drop", listed)


def an_edit_of_glue(story: Story) -> Iterator[Ran]:
    entry = story.fork / f"{INT4}.cu"
    text = entry.read_text()
    at = text.index("case 2:")
    entry.write_text(text[:at] + "// glue\n    " + text[at:])
    story.commits("an edit of glue")
    for verb in ("status", "check", "report", "unmapped", "split"):
        yield story.run(verb)


def a_file_of_the_layout_is_gone(story: Story) -> Iterator[Ran]:
    shard = sorted((story.fork / INT4).glob("instantiate*.cu"))[0]
    git(story.fork, "rm", "-q", str(shard.relative_to(story.fork)))
    story.write(f"{INT4}/extra.cu", b"int extra;\n")
    story.commits("gone, and a stranger")
    for verb in ("status", "check", "report", "unmapped"):
        yield story.run(verb)
    yield story.run("unmapped", "show", story.run("unmapped").out.split()[0])


def the_lock_is_gone(story: Story) -> Iterator[Ran]:
    (story.fork / LOCK).unlink()
    for verb in (["check"], ["split"], ["leave", "skinny_gemms_int4"], ["status"]):
        yield story.run(*verb)
    story.write(LOCK, b"nonsense\n")
    for verb in (["check"], ["status"], ["split"]):
        yield story.run(*verb)


def the_rule_is_gone(story: Story) -> Iterator[Ran]:
    (story.fork / RULE).unlink()
    story.commits("no rule")
    for verb in (["check"], ["status"], ["split"], ["sync", "upstream/main"]):
        yield story.run(*verb)


def the_rule_was_edited(story: Story) -> Iterator[Ran]:
    text = (story.fork / RULE).read_text()
    story.write(RULE, text.replace("description = ", "description = 'mine' #", 1).encode())
    yield story.run("check")
    yield story.run("status")
    story.write(RULE, text.replace('"', "", 1).encode())
    yield story.run("check")
    yield story.run("status")
    story.write(RULE, text.replace("kernel.cuh", "other.cuh").encode())
    yield story.run("check")
    yield story.run("split")


def the_rule_stops_fitting(story: Story) -> Iterator[Ran]:
    path = story.upstream / f"{INT4}.cu"
    path.write_text(path.read_text().replace("wvSplitK_int4", "renamed_int4"))
    story.upstream_commits("renamed all over")
    story.fetch()
    yield story.run("status")
    yield story.run("preview")
    yield story.run("sync", "upstream/main")
    for verb in ("status", "check", "report", "split"):
        yield story.run(verb)


def upstream_deletes_it(story: Story) -> Iterator[Ran]:
    git(story.upstream, "rm", "-q", f"{INT4}.cu")
    story.upstream_commits("gone")
    story.fetch()
    yield story.run("sync", "upstream/main")
    yield story.run("status")
    yield story.run("report")


def a_second_rule_for_a_file(story: Story) -> Iterator[Ran]:
    yield story.run("init", f"{INT4}.cu")
    story.write(".mergeguard/rules/second.toml", (story.fork / RULE).read_bytes())
    yield story.run("check")
    yield story.run("split")
    yield story.run("status")


def in_build_mode(story: Story) -> Iterator[Ran]:
    yield story.run("generate", "--out", "build")
    yield story.run("mode", "build", "skinny_gemms")
    story.commits("build mode")
    yield story.run("mode", "build", "skinny_gemms")
    yield story.run("split", "skinny_gemms")
    yield story.run("generate", "--out", ".")
    yield story.run("generate", "skinny_gemms_int4", "--out", "build")
    for verb in ("status", "check", "report"):
        yield story.run(verb)
    goes_on(story, path=f"{SKINNY}.cu")
    yield story.run("sync", "upstream/main")


def leaving(story: Story) -> Iterator[Ran]:
    yield story.run("leave", "skinny_gemms", "--dry-run")
    yield story.run("leave", "nonsense")
    yield story.run("leave", "skinny_gemms")


def looking_at_lines(story: Story) -> Iterator[Ran]:
    yield story.run("where", f"{KERNEL}:1")
    yield story.run("where", f"{INT4}.cu:99999")
    yield story.run("where", "CMakeLists.txt:1")
    yield story.run("where", "--monolith", "CMakeLists.txt:1")
    yield story.run("unsplit", "nonsense")
    yield story.run("blame", "CMakeLists.txt")


def patches(story: Story) -> Iterator[Ran]:
    yield story.run("export", "-o", "../patches")
    yield story.run("export", "HEAD~1..HEAD", "--squash", "-o", "../patches")
    patch = git(story.fork, "format-patch", "-1", "--stdout")
    (story.fork / ".git" / "one.patch").write_text(patch)
    yield story.run("import", ".git/one.patch")
    (story.fork / ".git" / "two.patch").write_text("nothing in it\n")
    yield story.run("import", ".git/two.patch")


def a_loss(story: Story) -> Iterator[Ran]:
    story.write(
        ".mergeguard/ledger.toml", b'[[pin]]\ntext = "NOT THERE"\npaths = ["csrc/*"]\nwhy = "must be"\n'
    )
    story.commits("a pin")
    goes_on(story, clash=True)
    story.run("sync", "upstream/main")
    git(story.fork, "checkout", "-q", "--theirs", KERNEL)
    git(story.fork, "add", KERNEL)
    yield story.run("sync", "--continue")
    for verb in ("ledger", "check", "audit", "report"):
        yield story.run(verb)


def proofs(story: Story) -> Iterator[Ran]:
    yield story.run("verify")
    yield story.run("verify", "--compile")
    yield story.run("cost", "skinny_gemms")
    yield story.run("budget", "skinny_gemms")
    yield story.run("trust")
    text = (story.fork / RULE).read_text()
    story.write(
        RULE, text.replace("monolith = ", 'compile = "cc -c {source} -o {output}"\nmonolith = ', 1).encode()
    )
    yield story.run("trust")
    yield story.run("cost", "skinny_gemms_int4")


def plain_git_without_us(story: Story) -> Iterator[Ran]:
    goes_on(story)
    plain(story, "merge", "--no-edit", "-s", "ours", "upstream/main")
    for verb in ("check", "status", "report", "repair"):
        yield story.run(verb)


def plain_git_that_conflicts_without_us(story: Story) -> Iterator[Ran]:
    goes_on(story)
    yield plain(story, "merge", "--no-edit", "upstream/main")
    for verb in ("status", "check", "repair", "sync"):
        yield story.run(verb)


def hooks(story: Story) -> Iterator[Ran]:
    git(story.fork, "config", "mergeguard.upstream", "upstream/main")
    yield story.run("install")
    goes_on(story, clash=True)
    yield plain(story, "merge", "--no-edit", "upstream/main")
    for verb in ("status", "report", "repair"):
        yield story.run(verb)
    yield plain(story, "commit", "-m", "too early")


def stopped_with_hooks(story: Story, command: str) -> Iterator[Ran]:
    story.run("install")
    goes_on(story, clash=True)
    yield plain(story, command, "upstream/main")
    for verb in ("status", "report"):
        yield story.run(verb)


def hooks_in_a_rebase(story: Story) -> Iterator[Ran]:
    return stopped_with_hooks(story, "rebase")


def hooks_in_a_pick(story: Story) -> Iterator[Ran]:
    return stopped_with_hooks(story, "cherry-pick")


def a_run_that_was_interrupted(story: Story) -> Iterator[Ran]:
    (story.fork / ".git" / "index.lock").write_text("")
    yield story.run("recover")
    (story.fork / ".git" / "index.lock").unlink(missing_ok=True)  # the command named it by its full path
    yield story.run("recover")
    (story.fork / ".git" / "mergeguard").mkdir(exist_ok=True)
    (story.fork / ".git" / "mergeguard" / "journal").write_text("nonsense")
    yield story.run("status")


def split_by_hand(story: Story) -> Iterator[Ran]:
    git(story.fork, "rm", "-rq", "--cached", ".mergeguard")
    shutil.rmtree(story.fork / ".mergeguard")
    story.commits("as if by hand")
    story.write(RULE, full_rules()["vllm/skinny_gemms_int4.toml"])
    for verb in (["check"], ["status"], ["verify"], ["adopt", "skinny_gemms_int4", "-n"], ["split"]):
        yield story.run(*verb)
    yield story.run("adopt", "skinny_gemms_int4")


SCENARIOS: tuple[Scenario, ...] = (
    without_rules,
    upstream_unknown,
    upstream_waits,
    a_conflict,
    a_conflict_in_two_commits,
    a_rebase_that_conflicts,
    steps,
    nothing_to_go_on_with,
    work_that_is_not_committed,
    a_kernel_without_a_place,
    an_edit_of_glue,
    a_file_of_the_layout_is_gone,
    the_lock_is_gone,
    the_rule_is_gone,
    the_rule_was_edited,
    the_rule_stops_fitting,
    upstream_deletes_it,
    a_second_rule_for_a_file,
    in_build_mode,
    leaving,
    looking_at_lines,
    patches,
    a_loss,
    proofs,
    plain_git_without_us,
    plain_git_that_conflicts_without_us,
    hooks,
    hooks_in_a_rebase,
    hooks_in_a_pick,
    a_run_that_was_interrupted,
    split_by_hand,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_what_is_printed_works_where_it_is_printed(scenario: Scenario, story: Story, tmp_path: Path):
    seen: set[tuple[str, ...]] = set()
    for screen in scenario(story):
        for typed in type_all(story, screen, tmp_path / "scratch", seen):
            told = f"printed by:\n{screen.out}{screen.err}"
            assert typed.works, f"`{typed.command}` ended with {typed.code}:\n{typed.said}\n\n{told}"
