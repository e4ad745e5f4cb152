"""Edits that follow their declarations from file to file; a new case is a folder, no Python.

Each folder of ``tests/scenarios/following`` has the trees ``base``, ``ours``, ``theirs`` and ``expected``;
``said.txt`` is what the merge says of declarations that moved, ``conflicts.txt`` names paths in conflict.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.merge import moves as moves_between
from mergeguard.fork.workspace import REGULAR
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.treemerge.trees import Merged, merge_trees
from mergeguard.verbs.auditing import audit_trees
from tests.support.story import INT4, SKINNY, Story, git

ROOT = Path(__file__).parents[1] / "scenarios" / "following"
CASES = sorted(path.name for path in ROOT.iterdir())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    git(tmp_path, "init", "-q")
    return Repository.discover(tmp_path)


def tree(repository: Repository, files: dict[str, bytes]) -> str:
    write = repository.write_blob
    return repository.edit_tree(None, {path: Entry(REGULAR, write(text)) for path, text in files.items()})


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def texts(repository: Repository, tree: str) -> dict[str, bytes]:
    return {path: repository.read_blob(entry.oid) for path, entry in repository.objects.walk(tree)}


def merged(
    repository: Repository, base: dict[str, bytes], ours: dict[str, bytes], theirs: dict[str, bytes]
) -> Merged:
    root = repository.commit_object(tree(repository, base), (), "base\n")
    left, right = (
        repository.commit_object(tree(repository, side), (root,), "side\n") for side in (ours, theirs)
    )
    return merge_trees(repository, (root,), left, right, placed=False)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("case", CASES)
def test_scenario(repository: Repository, case: str) -> None:
    versions = [files(ROOT / case / name) for name in ("base", "ours", "theirs")]
    outcome = merged(repository, *versions)
    assert texts(repository, outcome.tree) == files(ROOT / case / "expected")
    assert [edit.message for edit in outcome.followed] == lines_of(ROOT / case / "said.txt")
    assert sorted(outcome.stages) == lines_of(ROOT / case / "conflicts.txt")
    if not outcome.stages:
        base, ours, theirs = (tree(repository, version) for version in versions)
        found = audit_trees(repository, base, ours, theirs, outcome.tree)[0]
        assert [finding for finding in found if finding.code == "doubled-lines"] == []


# -- through the layouts -------------------------------------------------------------------------------

HEADER = "csrc/rocm/one_row.cuh"
STATEMENT = "out_c[row] = scalar_t(sum + NUM_A_ROWS_PER_BLOCK);"
EDITED = "out_c[row] = scalar_t(sum + NUM_A_ROWS_PER_BLOCK + 1);"
ANY_K = "TORCH_CHECK(K_in > 0);"


def moves(story: Story, first: str, header: str) -> None:
    """Upstream moves the function that ``first`` begins from the monolith to a new header."""
    source = story.upstream / f"{SKINNY}.cu"
    text = source.read_text()
    start = text.index(first)
    end = text.index("\n}\n", start) + 3
    include = text.index("#include")
    named = f'#include "{header.removeprefix("csrc/")}"\n'
    source.write_text(text[:include] + named + text[include:start] + text[end:].lstrip("\n"))
    (story.upstream / header).write_text("#pragma once\n\n" + text[start:end])
    story.upstream_commits("a header of its own")
    story.fetch()


def plain_git(story: Story, *arguments: str) -> None:
    """git with our hooks, which find the package that is tested."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["git", *arguments], cwd=story.fork, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A fork that has edited a kernel in the layout, and then something else, over two commits."""
    story = Story.begin(tmp_path_factory.mktemp("begun"), "skinny_gemms")
    story.edit(f"{SKINNY}/kernel.cuh", STATEMENT, EDITED)
    story.commits("one more")
    story.edit(f"{SKINNY}/dispatch.cuh", 'TORCH_CHECK(K_in % 8 == 0, "k % 8 == 0");', ANY_K)
    story.commits("any k")
    return story


@pytest.fixture
def story(begun: Story, tmp_path: Path) -> Story:
    shutil.copytree(begun.upstream.parent, tmp_path, dirs_exist_ok=True)
    story = Story(tmp_path / "upstream", tmp_path / "fork")
    git(story.fork, "remote", "set-url", "upstream", str(story.upstream))
    return story


@pytest.mark.parametrize("verb", ["sync", "sync --rebase", "git merge", "git rebase"])
def test_edit_of_a_layout_follows_into_upstreams_new_header(story: Story, verb: str) -> None:
    moves(story, "// One row of A", HEADER)
    if verb.startswith("git"):
        assert story.run("install").code == 0
        plain_git(story, *verb.split()[1:], "upstream/main")
    else:
        ran = story.run(*verb.split(), "upstream/main")
        assert ran.code == 0, ran.out + ran.err
        if verb == "sync":
            said = f"LLGemm1_kernel moved from {SKINNY}.cu to {HEADER}:3: the edit follows it"
            assert said in " ".join(ran.out.split())
            assert said in " ".join(story.run("report").out.split())
    assert EDITED in story.text(HEADER)
    layout = [path for path in (story.fork / SKINNY).iterdir() if path.is_file()]
    assert layout and not any("void LLGemm1_kernel" in path.read_text() for path in layout)
    assert ANY_K in story.text(f"{SKINNY}/dispatch.cuh")
    assert git(story.fork, "status", "--porcelain") == ""
    assert story.run("check").code == 0


def test_edit_goes_from_one_split_file_to_another(tmp_path: Path) -> None:
    """Upstream joins what the fork keeps as two layouts: the edit is in the other layout afterwards."""
    story = Story.begin(tmp_path, "skinny_gemms", "skinny_gemms_int4")
    name, check = "LLMM1", "  TORCH_CHECK(in_a.size(0) > 0);\n"
    entry = story.text(f"{SKINNY}.cu")
    start = entry.index("{\n", entry.index(f"torch::Tensor {name}(")) + 2
    story.write(f"{SKINNY}.cu", (entry[:start] + check + entry[start:]).encode())
    story.commits("no empty input")
    source, target = (story.upstream / f"{path}.cu" for path in (SKINNY, INT4))
    text = source.read_text()
    start = text.index(f"torch::Tensor {name}(")
    end = text.index("\n}\n", start) + 3
    source.write_text(text[:start] + text[end:])
    target.write_text(target.read_text() + "\n" + text[start:end])
    story.upstream_commits("one file for the entries")
    story.fetch()
    ran = story.run("sync", "upstream/main")
    assert ran.code == 0, ran.out + ran.err
    assert f"{name} moved from {SKINNY}.cu to {INT4}" in " ".join(ran.out.split())
    holders = [p for p in (story.fork / "csrc" / "rocm").rglob("*.c*") if check in p.read_text()]
    assert [p.relative_to(story.fork).as_posix() for p in holders] == [f"{INT4}.cu"]
    assert f"torch::Tensor {name}(" not in story.text(f"{SKINNY}.cu")
    assert story.run("check").code == 0


def test_edit_follows_what_the_rule_names_and_need_not_find(story: Story) -> None:
    story.edit(f"{SKINNY}/kernel.cuh", "int waves = div2;", "int waves = div2 / 2;")
    story.commits("half the waves")
    moves(story, "// The fewest waves", HEADER)
    ran = story.run("sync", "upstream/main")
    assert ran.code == 0, ran.out + ran.err
    assert "int waves = div2 / 2;" in story.text(HEADER)
    assert not any("int mindiv(" in path.read_text() for path in (story.fork / SKINNY).iterdir())
    assert story.run("check").code == 0


# -- real releases -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("versions", "split"), [(("0.26.0", "0.30.0"), False), (("0.32.0", "0.33.0"), True)], ids=str
)
def test_edits_follow_what_upstream_really_moved(
    tmp_path: Path, versions: tuple[str, str], split: bool
) -> None:
    """0.33.0 took attention.cu apart: its kernels went to a header, its entry to another file."""
    releases = moves_between.Releases.make(tmp_path / "releases", versions)
    moves = [move for move in releases.moves() if not move.copies and (not move.renamed or split)]
    if split:
        moves = [move for move in moves if move.old in moves_between.MONOLITHS]
        assert {"is_navi_gpu", "paged_attention"} <= {move.name for move in moves}
    results = [moves_between.run(move, "insert", releases, split=split) for move in moves[:5]]
    assert results
    assert [(r.move.name, r.own) for r in results if r.own != moves_between.RIGHT] == []
    assert any(r.git == moves_between.CONFLICT for r in results)
