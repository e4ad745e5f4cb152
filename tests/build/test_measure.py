"""Measuring real, small compiles and processes on this machine; no bound on time is asserted."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from mergeguard.build import cache as caches
from mergeguard.build.commands import CommandError, compresses_device_code, from_template
from mergeguard.build.database import from_database
from mergeguard.build.measure import (
    CompileError,
    Progress,
    linked_size,
    measure,
    measure_together,
    require_success,
    unit_command,
)
from mergeguard.build.processes import run, thin

GXX = "g++ -std=c++17 -O1 -fPIC -I {root} -c {source} -o {output}"
needs_gxx = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
needs_proc = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc on this system")
MEBIBYTE = 1 << 20

HOLD = "import time; block = bytearray({size}); time.sleep({seconds})"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@needs_proc
def test_peak_is_the_sum_of_processes_alive_at_one_moment(tmp_path: Path) -> None:
    child = HOLD.format(size=60 * MEBIBYTE, seconds=1)
    start = f"subprocess.Popen([sys.executable, '-c', {child!r}])"
    parent = f"import subprocess, sys; p = [{start} for _ in range(2)]; [q.wait() for q in p]"
    outcome = run(python(parent), str(tmp_path))
    assert outcome.exit_code == 0
    assert outcome.peak >= 120 * MEBIBYTE
    assert 60 * MEBIBYTE <= outcome.largest < 120 * MEBIBYTE


@needs_proc
def test_children_one_after_another_do_not_add_up(tmp_path: Path) -> None:
    child = HOLD.format(size=60 * MEBIBYTE, seconds=0.4)
    parent = f"import subprocess, sys; [subprocess.run([sys.executable, '-c', {child!r}]) for _ in range(2)]"
    outcome = run(python(parent), str(tmp_path))
    assert 60 * MEBIBYTE <= outcome.peak < 120 * MEBIBYTE


@needs_proc
def test_memory_of_the_measuring_process_is_not_counted(tmp_path: Path) -> None:
    ballast = bytearray(200 * MEBIBYTE)
    outcome = run(["sleep", "0.3"], str(tmp_path))
    assert len(ballast) == 200 * MEBIBYTE
    assert outcome.peak < 100 * MEBIBYTE


def test_exit_code_and_last_words(tmp_path: Path) -> None:
    outcome = run(python("import sys; sys.stderr.write('no such kernel'); sys.exit(3)"), str(tmp_path))
    assert outcome.exit_code == 3
    assert outcome.said.endswith("no such kernel")


def test_thin_keeps_the_peak() -> None:
    series = [(float(i), 7 if i != 777 else 99) for i in range(1000)]
    assert len(thin(series, 50)) == 50
    assert max(memory for _, memory in thin(series, 50)) == 99
    assert thin(series, 2000) == tuple(series)


def tree(root: Path) -> Path:
    (root / "a.h").write_text("inline int a() { return 1; }\n")
    (root / "one.cpp").write_text('#include "a.h"\nint one() { return a(); }\n')
    (root / "two.cpp").write_text('#include "a.h"\nint two() { return a(); }\n')
    return root


def units(root: Path) -> list:
    command = from_template(GXX)
    return [unit_command(n, f"{n}.cpp", root, root / "out" / f"{n}.o", command) for n in ("one", "two")]


@needs_gxx
def test_measure_compiles_and_caches_by_content(tmp_path: Path) -> None:
    root = tree(tmp_path)
    cache = caches.Cache(tmp_path / "cost")
    seen: list[Progress] = []
    first = measure(units(root), cache=cache, on_progress=seen.append)
    require_success(units(root), first)
    assert [cost.name for cost in first] == ["one", "two"]
    assert all(cost.peak >= cost.largest > 0 and cost.output_size > 0 and not cost.cached for cost in first)
    assert [f"{p.event} {p.name}" for p in seen] == ["start one", "end one", "start two", "end two"]

    again = measure(units(root), cache=cache)
    assert [cost.cached for cost in again] == [True, True]
    assert [cost.peak for cost in again] == [cost.peak for cost in first]

    anew = caches.Cache(cache.directory, fresh=True)
    assert [cost.cached for cost in measure(units(root), cache=anew)] == [False, False]

    (root / "two.cpp").write_text('#include "a.h"\nint two() { return 2 * a(); }\n')
    assert [cost.cached for cost in measure(units(root), cache=cache)] == [True, False]

    (root / "a.h").write_text("inline int a() { return 3; }\n")
    assert [cost.cached for cost in measure(units(root), cache=cache)] == [False, False]


def test_a_file_that_is_gone_is_a_change(tmp_path: Path) -> None:
    """Also one that was gone when the figures were kept, as where a build cleans up behind the compiler."""
    cache = caches.Cache(tmp_path / "cost")
    (tmp_path / "a.h").write_text("int a;\n")
    cache.store("gone", tmp_path, [Path("a.h"), Path("made.h")], {"peak": 1})
    assert cache.load("gone", tmp_path) is None
    cache.store("there", tmp_path, [Path("a.h")], {"peak": 1})
    assert cache.load("there", tmp_path) == {"peak": 1}
    (tmp_path / "a.h").unlink()
    assert cache.load("there", tmp_path) is None


@needs_gxx
@pytest.mark.parametrize("listed", ["one.o: gone.h\n", "one.o: a.h\n", "one.o", ""])
def test_a_damaged_list_of_dependencies_vouches_for_nothing(tmp_path: Path, listed: str) -> None:
    root = tree(tmp_path)
    cache = caches.Cache(tmp_path / "cost")
    script = tmp_path / "g++"
    script.write_text(f'#!/bin/sh\nfor last; do :; done\ng++ "$@" && printf %s "{listed}" > "$last"\n')
    script.chmod(0o755)
    command = from_template(GXX.replace("g++", str(script), 1))
    one = unit_command("one", "one.cpp", root, root / "out" / "one.o", command)
    assert [measure([one], cache=cache)[0].cached for _ in range(2)] == [False, False]


@needs_gxx
def test_cache_holds_when_the_tree_moves_and_not_when_the_command_changes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    cache = caches.Cache(tmp_path / "cost")
    measure(units(tree(tmp_path / "a")), cache=cache)
    moved = measure(units(tree(tmp_path / "b")), cache=cache)
    assert [cost.cached for cost in moved] == [True, True]
    other = unit_command("one", "one.cpp", tmp_path / "b", tmp_path / "o.o", from_template(GXX + " -DX"))
    assert not measure([other], cache=cache)[0].cached


@needs_gxx
def test_a_failed_compile_is_a_value_never_cached_and_leaves_no_stale_object(tmp_path: Path) -> None:
    root = tree(tmp_path)
    cache = caches.Cache(tmp_path / "cost")
    require_success(units(root), measure(units(root), cache=cache))
    (root / "one.cpp").write_text("int one( {\n")
    for _ in range(2):
        costs = measure(units(root), cache=cache)
        assert costs[0].exit_code != 0
        assert not costs[0].cached
        assert "one.cpp" in costs[0].said
    assert not (root / "out" / "one.o").exists()
    with pytest.raises(CompileError, match=r"one\.cpp did not compile") as caught:
        require_success(units(root), costs)
    assert f"-c {root}/one.cpp" in (caught.value.hint or "")


@needs_gxx
def test_real_parallel_run_and_link(tmp_path: Path) -> None:
    root = tree(tmp_path)
    together = measure_together(units(root), jobs=2)
    require_success(units(root), together.costs)
    assert together.peak >= max(cost.largest for cost in together.costs)
    size = linked_size([root / "out" / "one.o", root / "out" / "two.o"], tmp_path / "lib.so")
    assert size is not None
    assert size > 0
    assert linked_size([root / "missing.o"], tmp_path / "no.so") is None


def test_a_compiler_that_writes_nothing_has_failed(tmp_path: Path) -> None:
    root = tree(tmp_path)
    command = from_template("true {source} {output}")
    cost = measure([unit_command("one", "one.cpp", root, root / "one.o", command)])[0]
    assert cost.exit_code == 1
    assert "wrote no output" in cost.said


def test_template_needs_both_holes() -> None:
    with pytest.raises(CommandError, match=r"has no \{output\}"):
        from_template("g++ -c {source}")
    with pytest.raises(CommandError, match="can't be read"):
        from_template("g++ 'oops {source} {output}")


def test_missing_compiler_is_named() -> None:
    with pytest.raises(CommandError, match="compiler not found: no-such-compiler"):
        from_template("no-such-compiler -c {source} -o {output}").require()


def test_database_entry_becomes_a_template(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    (root / "csrc").mkdir(parents=True)
    (root / "build").mkdir()
    database = root / "build" / "compile_commands.json"
    database.write_text(
        f'[{{"directory": "{root}/build", "file": "../csrc/k.cu", "command": '
        f'"nvcc -I{root}/csrc -I{root}/build/gen -isystem /opt/torch -MD -MF k.d -O2 '
        f'-c ../csrc/k.cu -o k.o"}}]'
    )
    command = from_database(database, "csrc/k.cu", root)
    assert command.arguments == (
        *("nvcc", "-I{root}/csrc", f"-I{root}/build/gen", "-isystem", "/opt/torch", "-O2", "-c"),
        *("{source}", "-o", "{output}"),
    )
    assert command.compiler == "nvcc"
    filled = command.fill("/t/csrc/k/a.cu", "/t/a.o", "/t")
    assert "-I/t/csrc" in filled
    assert "/t/csrc/k/a.cu" in filled
    with pytest.raises(CommandError, match=r"no compile command for csrc/other\.cu"):
        from_database(database, "csrc/other.cu", root)


def test_database_entry_as_cmake_writes_it_for_cuda(tmp_path: Path) -> None:
    """A compiler cache would be measured instead of the compiler; include folders are in a response file."""
    (tmp_path / "build" / "flags").mkdir(parents=True)
    (tmp_path / "build" / "flags" / "includes.rsp").write_text(f'-I{tmp_path}/csrc -isystem="/opt/to rch"\n')
    database = tmp_path / "build" / "compile_commands.json"
    line = "/usr/bin/ccache nvcc --options-file flags/includes.rsp -x cu -c ../csrc/k.cu -o k.o"
    database.write_text(
        json.dumps([{"directory": f"{tmp_path}/build", "file": "../csrc/k.cu", "command": line}])
    )
    command = from_database(database, "csrc/k.cu", tmp_path)
    assert command.arguments == (
        *("nvcc", "-I{root}/csrc", "-isystem=/opt/to rch", "-x", "cu", "-c", "{source}", "-o", "{output}"),
    )
    assert from_template("ccache g++ -c {source} -o {output}").arguments[0] == "g++"
    (tmp_path / "build" / "flags" / "includes.rsp").unlink()
    with pytest.raises(CommandError, match="can't read the options file"):
        from_database(database, "csrc/k.cu", tmp_path)


@pytest.mark.parametrize("copy", ["build/csrc/k.hip", "build/csrc/k_hip.cu"])
def test_a_hipified_copy_is_told_from_no_command_at_all(tmp_path: Path, copy: str) -> None:
    database = tmp_path / "compile_commands.json"
    entry = {"directory": str(tmp_path), "file": f"{tmp_path}/{copy}", "command": f"clang++ -c {copy}"}
    database.write_text(json.dumps([entry]))
    with pytest.raises(CommandError, match=rf"the copy that hipify made of it: .*{copy}") as caught:
        from_database(database, "csrc/k.cu", tmp_path)
    assert "--prepare" in (caught.value.hint or "")
    with pytest.raises(CommandError, match=r"no compile command for csrc/kk\.cu"):
        from_database(database, "csrc/kk.cu", tmp_path)


def test_compress_mode() -> None:
    assert not compresses_device_code(["nvcc", "-c"])
    assert not compresses_device_code(["nvcc", "--compress-mode=default"])
    assert compresses_device_code(["nvcc", "--compress-mode=size"])
    assert compresses_device_code(["nvcc", "-compress-mode", "size"])
    assert compresses_device_code(["nvcc", "-Xfatbin", "-compress-all"])
    assert compresses_device_code(["nvcc", "-Xfatbin=-compress-all"])


def test_dependency_file_with_blanks_and_continuations(tmp_path: Path) -> None:
    path = tmp_path / "x.d"
    path.write_text("x.o: a.cu \\\n  inc/b\\ c.h \\\n  d.h\n\nd.h:\n")
    assert caches.read_dependencies(path) == (Path("a.cu"), Path("inc/b c.h"), Path("d.h"))
    assert caches.read_dependencies(tmp_path / "none") == ()
