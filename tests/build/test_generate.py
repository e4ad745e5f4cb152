"""generate: layouts in a build folder, from a source tree without git, safely and only what changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergeguard.build import fresh
from mergeguard.build.extension import split_sources
from mergeguard.build.generate import GenerateError, GenerateOptions, generate
from mergeguard.errors import MergeguardError, RuleError, SourceError
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from tests.support import toolchain

NAME = "paged_attention_v1"
MONOLITH = toolchain.MONOLITHS[NAME]
RULES = Path(__file__).resolve().parents[2] / "rules" / "vllm"


def put_rule(tree: Path, name: str, mode: str = "build") -> Path:
    """The shipped rule in a mode."""
    rule = tree / ".mergeguard" / "rules" / f"{name}.toml"
    rule.parent.mkdir(parents=True, exist_ok=True)
    text = (RULES / f"{name}.toml").read_text(encoding="utf-8")
    rule.write_text(text.replace("monolith =", f'mode = "{mode}"\nmonolith =', 1), encoding="utf-8")
    return rule


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree with one rule in build mode, and no git."""
    made = toolchain.prepare(tmp_path / "source")
    put_rule(made, NAME)
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Times of change and bytes of the layouts' files."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".mergeguard", "mergeguard-generated"))
    }


def test_the_units_are_the_program_that_the_monolith_was(tree: Path, out: Path):
    toolchain.require_compiler()
    driver = f"drivers/{NAME}.cpp"
    whole = toolchain.output(toolchain.link(tree, toolchain.compile_units(tree, [MONOLITH, driver])))
    made = generate(tree, out, GenerateOptions())
    units = [os.path.relpath(out / unit, tree) for unit in made.units[MONOLITH]]
    assert len(units) > 2
    objects = toolchain.compile_units(tree, [*units, driver])
    assert toolchain.output(toolchain.link(tree, objects)) == whole


def test_nothing_to_do_changes_nothing(tree: Path, out: Path):
    generate(tree, out, GenerateOptions())
    before = state(out)
    # As a checkout does: another time, the same bytes.
    os.utime(tree / MONOLITH)
    again = generate(tree, out, GenerateOptions())
    assert not again.written
    assert not again.removed
    assert state(out) == before
    assert fresh.is_fresh(tree, out, GenerateOptions().as_note()) is not None


def test_an_edit_writes_the_files_that_hold_it_and_no_others(tree: Path, out: Path):
    generate(tree, out, GenerateOptions(lines=False))
    before = state(out)
    text = (tree / MONOLITH).read_bytes()
    (tree / MONOLITH).write_bytes(text.replace(b"case 32:", b"case 32:  // narrow"))
    made = generate(tree, out, GenerateOptions(lines=False))
    assert len(made.written) == 1
    changed = {path for path, was in state(out).items() if before.get(path) != was}
    assert changed == set(made.written)


def test_files_that_the_rule_makes_no_longer_go(tree: Path, out: Path):
    made = generate(tree, out, GenerateOptions())
    (tree / f".mergeguard/rules/{NAME}.toml").unlink()
    after = generate(tree, out, GenerateOptions())
    assert set(after.removed) == set(made.files)
    assert state(out) == {}
    assert not (out / "csrc").exists()


def test_the_source_tree_may_be_read_only_and_is_never_written(tree: Path, out: Path):
    before = state(tree)
    generate(tree, out, GenerateOptions())
    assert state(tree) == before


def test_a_rule_that_does_not_fit_is_an_error_or_the_whole_monolith(tree: Path, out: Path):
    generate(tree, out, GenerateOptions())
    before = state(out)
    text = (tree / MONOLITH).read_bytes()
    (tree / MONOLITH).write_bytes(text.replace(b"switch (head_size)", b"switch (other)"))
    with pytest.raises(MergeguardError):
        generate(tree, out, GenerateOptions())
    assert state(out) == before
    made = generate(tree, out, GenerateOptions(fallback=True))
    assert "does not fit" in made.warnings[0]
    entry, *others = made.units[MONOLITH]
    assert os.path.relpath(tree / MONOLITH, (out / entry).parent) in (out / entry).read_text()
    assert all((out / unit).read_text().startswith("//") for unit in others)


def test_conflict_markers_are_named_at_once(tree: Path, out: Path):
    (tree / MONOLITH).write_bytes(b"<<<<<<< ours\nint a;\n=======\nint b;\n>>>>>>> theirs\n")
    with pytest.raises(SourceError) as error:
        generate(tree, out, GenerateOptions())
    assert str(error.value).startswith(f"{MONOLITH}:1")
    assert not out.exists()


def test_a_rule_in_tree_mode_is_left_alone_and_named_if_asked_for(tree: Path, out: Path):
    put_rule(tree, NAME, "tree")
    assert generate(tree, out, GenerateOptions()).units == {}
    with pytest.raises(RuleError, match="tree mode"):
        generate(tree, out, GenerateOptions(names=(NAME,)))


@pytest.mark.parametrize("where", ["the tree", "above it", "a folder of sources", "a file"])
def test_it_writes_only_in_a_folder_of_its_own(tree: Path, where: str):
    folder = {
        "the tree": tree,
        "above it": tree.parent,
        "a folder of sources": tree / "csrc",
        "a file": tree / MONOLITH,
    }[where]
    before = state(tree)
    with pytest.raises(GenerateError):
        generate(tree, folder, GenerateOptions())
    assert state(tree) == before


def test_a_link_out_of_the_build_folder_is_refused(tree: Path, out: Path, tmp_path: Path):
    made = generate(tree, out, GenerateOptions())
    elsewhere = tmp_path / "elsewhere"
    folder = out / Path(made.units[MONOLITH][1]).parent
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    kept = state(elsewhere)
    (tree / MONOLITH).write_bytes((tree / MONOLITH).read_bytes().replace(b"case 32:", b"case 32:  // x"))
    with pytest.raises(GenerateError, match="leads out"):
        generate(tree, out, GenerateOptions())
    assert state(elsewhere) == kept


def limited(tree: Path, out: Path, size: int) -> subprocess.CompletedProcess[str]:
    """Generate where no file can grow beyond so many bytes, as on a disk that gets full."""
    code = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}));"
        "sys.argv[0] = 'mergeguard'; from mergeguard.__main__ import main; main()"
    )
    # (-B: Python itself would keep compiled modules that are cut off.)
    command = [sys.executable, "-B", "-c", code, "generate", "--root", str(tree), "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_full_disk_leaves_the_old_output_or_none(tree: Path, out: Path):
    done = limited(tree, out, 3000)
    assert (done.returncode, "can't be written" in done.stderr) == (2, True), done.stderr
    assert state(out) == {}
    generate(tree, out, GenerateOptions())
    before = state(out)
    (tree / MONOLITH).write_bytes((tree / MONOLITH).read_bytes().replace(b"case 32:", b"case 32:  // more"))
    done = limited(tree, out, 3000)
    assert (done.returncode, "before is still there" in done.stderr) == (2, True), done.stderr
    assert state(out) == before
    assert not [path for path in out.rglob("*") if path.name.startswith(".") and path.suffix[1:].isdigit()]
    assert generate(tree, out, GenerateOptions()).written


def test_a_build_folder_that_can_not_be_made_is_named(tree: Path):
    with pytest.raises(GenerateError, match="/sys/mergeguard"):
        generate(tree, Path("/sys/mergeguard/units"), GenerateOptions())


@pytest.mark.parametrize("name", toolchain.MONOLITHS)
def test_a_compiler_sees_what_it_sees_of_the_layout_in_the_tree(tmp_path: Path, name: str):
    compiler = toolchain.require_compiler()
    tree, path = toolchain.prepare(tmp_path / "source"), toolchain.MONOLITHS[name]
    put_rule(tree, name)
    rule = parse_rule((tree / f".mergeguard/rules/{name}.toml").read_bytes(), name)
    made = generate(tree, tmp_path / "out", GenerateOptions()).units[path]
    layout = split(rule, name, path, (tree / path).read_bytes(), emission_of(rule))
    for file in layout.files:
        (tree / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tree / file.path).write_bytes(file.text)
    flags = ("-std=c++17", *toolchain.FLAVOURS["gfx9"], "-Istubs", "-Icsrc", "-x", "c++")

    def seen(unit: str) -> list[str]:
        """The tokens behind the preprocessor, as words; numbers of lines are what may differ."""
        command = [compiler, "-E", "-P", "-D__LINE__=0", "-Wno-builtin-macro-redefined", *flags, unit]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True)
        return done.stdout.replace(str(tree) + "/", "").split()

    assert len(made) > 2
    for unit in made:
        assert seen(str(tmp_path / "out" / unit)) == seen(unit)


def test_two_builds_at_once_end_as_one(tree: Path, out: Path):
    command = [sys.executable, "-m", "mergeguard", "generate", "--root", str(tree), "--out", str(out)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [run.communicate()[0] for run in both]
    assert [run.returncode for run in both] == [0, 0]
    assert said[0] == said[1]
    assert fresh.is_fresh(Path(os.path.realpath(tree)), out, GenerateOptions().as_note()) is not None


def test_a_file_that_a_killed_run_or_a_person_spoiled_is_made_again(tree: Path, out: Path):
    made = generate(tree, out, GenerateOptions())
    before = state(out)
    (out / made.files[1]).write_bytes(b"half")
    assert generate(tree, out, GenerateOptions()).written == (made.files[1],)
    assert {path: text for path, (_, text) in state(out).items()} == {p: t for p, (_, t) in before.items()}


def test_a_mirror_stands_beside_the_layouts_as_the_sources_stood(tree: Path, out: Path):
    made = generate(tree, out, GenerateOptions(mirror=("csrc",)))
    beside = "csrc/libtorch_stable/ops.h"
    assert (out / beside).read_bytes() == (tree / beside).read_bytes()
    assert MONOLITH in made.units
    entry = (out / MONOLITH).read_text()
    assert str(tree / "csrc/libtorch_stable/ops.h") not in entry


def test_setup_py_gets_units_for_monoliths(tree: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tree)
    sources = split_sources([MONOLITH, "csrc/libtorch_stable/torch_bindings.cpp"])
    assert sources[-1] == "csrc/libtorch_stable/torch_bindings.cpp"
    assert sources[0] == f"build/mergeguard/{MONOLITH}"
    assert all(Path(source).is_file() for source in sources)
    (tree / MONOLITH).write_bytes(b"int unfinished( {\n")
    with pytest.warns(UserWarning, match="compiled whole"):
        split_sources([MONOLITH])


def test_the_command_lists_units_and_repeats_itself_without_work(tree: Path, out: Path):
    command = [sys.executable, "-m", "mergeguard", "generate", "--root", str(tree), "--out", str(out)]
    run = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert run[0] == run[1]
    assert str(out / MONOLITH) in run[0].splitlines()
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", *command[1:]], capture_output=True, text=True, check=True
    )
    assert "typer" not in shown.stderr
    assert "mergeguard.lens" not in shown.stderr
