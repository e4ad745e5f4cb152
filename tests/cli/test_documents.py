"""What is made from the command line, and what is written about it: completions, man page, site, action."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from mergeguard.cli.documents.completion import Shell, script
from mergeguard.cli.documents.describe import Described, describe
from mergeguard.cli.documents.manual import man_page, reference
from mergeguard.cli.verbs import VERBS
from tests.support.story import PAGED, Story

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
RULE = "paged_attention_v1"


@cache
def described() -> tuple[Described, ...]:
    return describe()


def complete(line: str, *, cwd: Path = ROOT) -> set[str]:
    """What bash offers at the end of a command line."""
    words = line.split(" ")
    function = "_git_mergeguard" if words[0] == "git" else "_mergeguard"
    told = f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}; {function}"
    source = script(Shell.BASH, described())
    done = subprocess.run(
        ["bash", "-c", f'{source}\n{told}; printf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=True,
    )
    return {word for word in done.stdout.split("\n") if word}


def test_bash_completes_verbs_parts_options_and_refs(tmp_path: Path):
    assert complete("mergeguard sy") == {"sync"}
    assert complete("mergeguard rules ad") == {"add"}
    assert complete("git mergeguard sync --rebase") == {"--rebase", "--rebase-merges"}
    assert complete("mergeguard -C elsewhere stat") == {"status"}
    story = Story.begin(tmp_path)
    assert complete("mergeguard sync upstr", cwd=story.fork) >= {"upstream/main"}


@pytest.mark.parametrize("shell", [*Shell])
def test_completions_know_every_verb_and_option(shell: Shell):
    text = script(shell, described())
    for verb in described():
        assert verb.name.split()[-1] in text
        for parameter in verb.parameters:
            for name in parameter.spellings:
                assert (name.lstrip("-") if shell is Shell.FISH else name) in text
    if shutil.which(shell.value) and shell is not Shell.BASH:
        subprocess.run([shell.value, "-n"], input=text, text=True, check=True)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_both_commands(tmp_path: Path):
    source = tmp_path / "mergeguard.fish"
    source.write_text(script(Shell.FISH, described()))

    def offered(line: str) -> set[str]:
        told = f'source {source}; complete -C "{line}"'
        done = subprocess.run(["fish", "-c", told], capture_output=True, text=True, cwd=tmp_path, check=True)
        return {word.split("\t")[0] for word in done.stdout.splitlines()}

    assert offered("mergeguard sy") == {"sync"}
    assert offered("git mergeguard rules ad") == {"add"}
    assert offered("git mergeguard sync --reb") == {"--rebase", "--rebase-merges"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_offers_what_bash_offers():
    """The function, with completion's own command replaced by one that prints."""
    stub = "compdef() { :; }; compadd() { shift; print -l -- $@; }; _files() { :; }"
    for line in ("mergeguard sy", "mergeguard rules ", "git mergeguard sync --reb", "mergeguard -C x stat"):
        words = line.removeprefix("git ").split(" ")
        state = f"words=({' '.join(map(shlex.quote, words))}); CURRENT={len(words)}"
        told = f"{stub}\n{script(Shell.ZSH, described())}\n{state}; _git-mergeguard"
        done = subprocess.run(["zsh", "-f", "-c", told], capture_output=True, text=True, check=True)
        fitting = {word for word in done.stdout.split() if word.startswith(words[-1])}
        assert fitting == complete(line), done.stderr


def test_the_man_page_and_the_reference_have_every_verb():
    page, text = man_page(described()), reference(described())
    for verb in described():
        assert f".SS {verb.name}" in page.replace("\\-", "-")
        assert f"### `{verb.name}`" in text
        assert verb.help, verb.name
    if shutil.which("mandoc"):
        subprocess.run(["mandoc", "-T", "lint", "-W", "error"], input=page, text=True, check=True)


def commands(page: Path) -> list[list[str]]:
    """The mergeguard commands that a page prints, as words."""
    text = page.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if re.match(r" {4}(?:git )?mergeguard ", line)]
    lines += re.findall(r"`((?:git )?mergeguard [^`\n]+)`", text)
    found = []
    for line in lines:
        words = shlex.split(line.split(" #")[0].split(" …")[0].replace('"$(', "").replace("…", ""))
        found.append(words[words.index("mergeguard") + 1 :])
    return [words for words in found if words]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_documents_exist(page: Path):
    known = {verb.name: verb for verb in described()}
    for words in commands(page):
        if words[0].startswith("-"):
            continue
        verb = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
        assert words[0] in VERBS, f"{page.name}: mergeguard {' '.join(words)}"
        if verb not in known:
            continue  # a group, named without its part
        options = {name for p in known[verb].parameters for name in p.spellings}
        if verb in ("blame", "merge-file"):
            continue  # git's own options
        for word in words[1:]:
            name = word.split("=")[0].rstrip(",.)")
            if name.startswith("--") and len(name) > 2:
                assert name in options, f"{page.name}: mergeguard {' '.join(words)}"


def test_the_site_builds_without_a_warning(tmp_path: Path):
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "sync [OPTIONS]" in (tmp_path / "reference/cli/index.html").read_text(encoding="utf-8")


def test_the_table_of_configuration_has_every_key_of_ours():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "mergeguard").rglob("*.py")]
    keys = {key for text in sources for key in re.findall(r'"(mergeguard\.[a-z][a-zA-Z]+)"', text)}
    keys -= {"mergeguard.reporting"}  # a package
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert keys == set(re.findall(r"^\| `(mergeguard\.\w+)`", page, re.MULTILINE))


# -- the action ------------------------------------------------------------------------------------------


def run_action(story: Story, tmp_path: Path, **inputs: str) -> tuple[int, dict[str, str]]:
    """Run the action's steps but for the installation, as a runner would; the status, and the files
    written."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    given = {name: spec["default"] for name, spec in action["inputs"].items()} | inputs
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
    for file in files.values():
        file.touch()
    status = 0
    for step in action["runs"]["steps"]:
        if step["name"] in ("Install", "Comment"):
            continue
        environment = os.environ | {name: str(path) for name, path in files.items()}
        for name, value in step.get("env", {}).items():
            environment[name] = re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: given[m[1]], value)
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=story.fork,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        status = done.returncode
        if status:
            break
    return status, {name: path.read_text(encoding="utf-8") for name, path in files.items()}


def test_the_action_previews_checks_and_audits(tmp_path: Path):
    if shutil.which("mergeguard") is None:
        pytest.skip("the command mergeguard is not on the PATH: run the tests through run.py")
    story = Story.begin(tmp_path, RULE)
    story.edit(f"{PAGED}.cu", "case 32:", "case 32:  // theirs", upstream=True)
    story.upstream_commits("theirs")
    upstream = f"{story.upstream} main"
    status, written = run_action(story, tmp_path, mode="preview", upstream=upstream)
    assert (status, written["GITHUB_OUTPUT"].strip()) == (0, "number=0")
    assert "| mergeguard | 0 | 0 | 0 |" in written["GITHUB_STEP_SUMMARY"]
    status, written = run_action(story, tmp_path, mode="check")
    assert status == 0
    assert "mergeguard report" in written["GITHUB_STEP_SUMMARY"]
    assert (story.fork / "mergeguard.sarif").stat().st_size > 100
    assert story.run("sync", "upstream/main").code == 0
    status, _ = run_action(story, tmp_path, mode="audit", range="HEAD")
    assert status == 0
    status, _ = run_action(story, tmp_path, mode="nonsense")
    assert status == 2
