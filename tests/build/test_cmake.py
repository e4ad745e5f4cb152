"""The CMake package on a small real project: what is built again, what tools say, when a rule does not
fit."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mergeguard.build.generate import GenerateOptions, generate
from mergeguard.data import cmake_folder
from tests.support import toolchain

RULE = """
schema = 1
monolith = "src/scale.cpp"
mode = "build"
[[move]]
to = "common.h"
items = ["include *"]
needed = true
[[partition]]
entry = "scale"
over = { in = "scale", switch = "n" }
discriminator = "n"
body = "body.h"
rest = "b.cpp"
[partition.shards]
"a.cpp" = [1]
"b.cpp" = [2]
"""
SCALE = """#include "scale.h"
template <int N> struct Kernel {
  static int run(int x) { return N * x; }
};
int scale(int n, int x) {
  switch (n) {
    case 1: return Kernel<1>::run(x);
    case 2: return Kernel<2>::run(x);
  }
  return -1;
}
int untouched() { return 7; }
"""
MAIN = """#include <cstdio>
#include "scale.h"
int main() { std::printf("%d %d %d %d\\n", scale(1, 5), scale(2, 5), scale(3, 5), untouched()); }
"""
LISTS = """cmake_minimum_required(VERSION 3.20)
project(scale CXX)
add_executable(prog src/scale.cpp src/main.cpp)
target_compile_options(prog PRIVATE -g)
find_package(mergeguard QUIET)
if(mergeguard_FOUND)
  mergeguard_split(prog)
endif()
"""


class Project:
    """A source tree and its build folder."""

    def __init__(self, root: Path) -> None:
        self.source, self.build = root / "project", root / "build"
        self.write("CMakeLists.txt", LISTS)
        self.write("src/scale.h", "int scale(int n, int x);\nint untouched();\n")
        self.write("src/scale.cpp", SCALE)
        self.write("src/main.cpp", MAIN)
        self.write(".mergeguard/rules/scale.toml", RULE)

    def write(self, name: str, text: str) -> None:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.source / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def run(self, command: Sequence[str], *, ok: bool = True) -> str:
        done = subprocess.run(command, cwd=self.source, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def configure(self, *options: str) -> str:
        base = (
            "cmake",
            "-S",
            ".",
            "-B",
            str(self.build),
            "-G",
            "Ninja",
            f"-Dmergeguard_DIR={cmake_folder()}",
        )
        return self.run([*base, *options])

    def make(self, *, ok: bool = True) -> set[str]:
        """Build; the names of the objects that were compiled."""
        self.said = self.run(["ninja", "-v", "-C", str(self.build)], ok=ok)
        return {Path(found).name for found in re.findall(r"-o (\S+\.o) -c", self.said)}

    def output(self) -> str:
        return self.run([str(self.build / "prog")]).strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    toolchain.require_compiler()
    for tool in ("cmake", "ninja"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here: install it (Debian: cmake, ninja-build)")
    return Project(tmp_path_factory.mktemp("cmake"))


def test_a_project_from_the_first_build_to_a_rule_that_does_not_fit(project: Project):
    """One story, since each build costs seconds."""
    project.configure()
    assert project.make() == {"scale.cpp.o", "a.cpp.o", "b.cpp.o", "main.cpp.o"}
    assert project.output() == "5 10 -1 7"

    assert project.make() == set()
    assert "no work to do" in project.said

    # The host's own code: only the entry.
    project.edit("src/scale.cpp", "return 7;", "return 8;")
    assert project.make() == {"scale.cpp.o"}
    # A kernel: every unit that has it.
    project.edit("src/scale.cpp", "return N * x;", "return N * x + 1;")
    assert project.make() >= {"a.cpp.o", "b.cpp.o"}
    assert project.output() == "6 11 -1 8"
    # A new case of upstream's is made by itself, and sent where the rule says.
    project.edit(
        "src/scale.cpp", "  }\n  return -1;", "    case 3: return Kernel<3>::run(x);\n  }\n  return -1;"
    )
    project.make()
    assert project.output() == "6 11 16 8"

    # Tools name the monolith and its lines.
    if shutil.which("gdb") is not None:
        asked = ["break scale.cpp:3", "run", "backtrace 1"]
        options = [word for command in asked for word in ("-ex", command)]
        told = project.run(["gdb", "-batch", "-nx", *options, str(project.build / "prog")])
        stopped = re.search(r"Kernel<\d>::run \(x=5\) at \S*/src/scale\.cpp:3", told)
        assert stopped or "ptrace" in told, told  # (some containers allow no tracing)
    project.edit("src/scale.cpp", "return N * x + 1;", "return N * y;")
    project.make(ok=False)
    assert f"{project.source / 'src/scale.cpp'}:3:" in project.said
    project.edit("src/scale.cpp", "return N * y;", "return N * x;")

    # The rule stops fitting: the build goes on with the whole monolith, and says so.
    project.edit("src/scale.cpp", "switch (n) {", "switch (n + 0) {")
    project.make()
    assert "compiled whole" in project.said
    assert project.output() == "5 10 15 8"
    # A rule that fits again splits again.
    project.edit(".mergeguard/rules/scale.toml", 'switch = "n"', 'switch = "n + 0"')
    project.edit(".mergeguard/rules/scale.toml", 'discriminator = "n"', 'discriminator = "n + 0"')
    project.make()
    assert "compiled whole" not in project.said
    assert project.output() == "5 10 15 8"


def test_a_project_configures_where_mergeguard_is_not(project: Project, tmp_path: Path):
    bare = Project(tmp_path)
    bare.run(["cmake", "-S", ".", "-B", str(bare.build), "-G", "Ninja"])
    assert bare.make() == {"scale.cpp.o", "main.cpp.o"}
    assert bare.output() == "5 10 -1 7"


def documented(language: str) -> str:
    """The example of the documentation."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "build-mode.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return str(snippet)


def test_coverage_counts_lines_of_the_monolith(tmp_path: Path):
    compiler = toolchain.require_compiler()
    gcov = shutil.which("gcov")
    if gcov is None or "g++" not in compiler:
        pytest.skip("g++ and gcov are not here: install them")
    made = Project(tmp_path)
    units = generate(made.source, tmp_path / "units", GenerateOptions()).units["src/scale.cpp"]
    sources = [str(tmp_path / "units" / unit) for unit in units]
    made.run([compiler, "--coverage", "-O0", "-Isrc", *sources, "src/main.cpp", "-o", "prog"])
    assert made.run(["./prog"]).strip() == "5 10 -1 7"
    told = made.run([gcov, "--stdout", *map(str, made.source.glob("*.gcda"))])
    # The kernel's line ran twice in all: once in each of the two instantiations.
    counts = re.findall(r"^ +(\d+)\*?: +3:  static int run", told, re.MULTILINE)
    assert [int(count) for count in counts if int(count)] == [2, 1, 1], told
    assert re.search(r"Source:\S*/project/src/scale\.cpp", told)


def test_the_meson_project_of_the_docs_builds(tmp_path: Path):
    toolchain.require_compiler()
    for tool in ("meson", "ninja"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here: install it (PyPI: {tool})")
    if shutil.which("mergeguard") is None:
        pytest.skip("the command mergeguard is not on the PATH: run the tests through run.py")
    made = Project(tmp_path)
    made.write("meson.build", "project('scale', 'cpp')\n" + documented("meson"))
    made.write("main.cpp", MAIN.replace('"scale.h"', '"src/scale.h"'))
    made.run(["meson", "setup", str(made.build)])
    made.run(["ninja", "-C", str(made.build)])
    assert made.output() == "5 10 -1 7"
    assert "no work to do" in made.run(["ninja", "-C", str(made.build)])


def test_the_makefile_of_the_docs_builds(tmp_path: Path):
    toolchain.require_compiler()
    if shutil.which("make") is None:
        pytest.skip("make is not here: install it")
    made = Project(tmp_path)
    made.write("Makefile", documented("make"))
    made.write("main.cpp", MAIN.replace('"scale.h"', '"src/scale.h"'))
    made.run(["make", "prog"])
    assert made.run(["./prog"]).strip() == "5 10 -1 7"
    assert "up to date" in made.run(["make", "prog"])
