"""``init`` with a compile command: the compiler proves the rule, measures it, and ranks a tree by it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.story import Story, git

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")

BODY = " ".join(f"if (a > {n}) a += {n};" for n in range(60))
MANY = "".join(f"int f{n}(int a) {{ {BODY} return a; }}\n" for n in range(4))
# Only a compiler knows that FIELD makes what one function needs.
HEADER = (
    "#pragma once\ntemplate <class T> struct Field;\n"
    "#define FIELD(T) template <> struct Field<T> { int kind = 1; }\n"
)
HIDDEN = '#include "field.h"\nenum class Mode { A };\nFIELD(Mode);\n' + MANY.replace(
    "return a;", "return a + Field<Mode>().kind;"
)
COMMAND = "g++ -O0 -c {source} -o {output}"


@pytest.fixture
def fork(tmp_path: Path) -> Story:
    made = Story(tmp_path, tmp_path / "fork")
    made.fork.mkdir()
    git(made.fork, "init", "-q", "-b", "main")
    files = {"many.cpp": MANY, "hidden.cpp": HIDDEN, "field.h": HEADER, "tiny.cpp": "int x;\n"}
    for path, text in files.items():
        made.write(path, text.encode())
    made.commits("upstream")
    return made


def test_the_compiler_proves_what_is_written(fork: Story) -> None:
    ran = fork.run("init", "many.cpp", "--command", COMMAND, "--measure")
    assert ran.code == 0, ran.err
    assert "compiled: the same 4 symbols, 0 kernels" in ran.out
    assert "of the monolith's peak" in ran.out
    assert (fork.fork / ".mergeguard/rules/many.toml").is_file()


def test_what_does_not_compile_is_not_written(fork: Story) -> None:
    ran = fork.run("init", "hidden.cpp", "--command", COMMAND)
    assert ran.code != 0
    assert "a unit of it does not compile" in ran.err and "Field<Mode>" in ran.err
    assert not (fork.fork / ".mergeguard/rules/hidden.toml").exists()


def test_a_file_that_does_not_compile_itself_says_so(fork: Story) -> None:
    ran = fork.run("init", "many.cpp", "--command", "g++ -c {source} -o {output} -include missing.h")
    assert ran.code != 0 and "many.cpp did not compile" in ran.err


def test_a_tree_is_ranked_by_what_its_files_cost(fork: Story) -> None:
    database = [
        {"directory": str(fork.fork), "file": name, "command": f"g++ -O0 -c {name} -o x.o"}
        for name in ("many.cpp", "tiny.cpp")
    ]
    (fork.fork / "compile_commands.json").write_text(json.dumps(database))
    ran = fork.run("init", ".", "--build", ".", "--measure")
    assert ran.code == 0, ran.err
    rows = [line.split() for line in ran.out.splitlines() if ".cpp" in line]
    assert [row[0] for row in rows] == ["many.cpp", "tiny.cpp"]
    assert rows[0][3:] and rows[0][2].rstrip(",").replace(".", "").isdigit()


def test_to_measure_takes_a_command(fork: Story) -> None:
    ran = fork.run("init", ".", "--measure")
    assert ran.code != 0 and "no command to compile with" in ran.err and "--build" in ran.err
