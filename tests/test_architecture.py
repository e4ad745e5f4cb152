"""What the layers in pyproject.toml do not say: who may hold a library, what the core may not call."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "mergeguard"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Bytes in, values out.
PURE = ("adopt/", "audit/", "cpp/", "lens/", "merge/", "propose/", "verify/")
# Who alone may import what; a folder ends with "/".
HOMES = {
    "clang": ("build/clang.py",),
    "typer": ("cli/terminal.py", "cli/documents/describe.py"),
    "click": ("cli/terminal.py",),
    "rich": ("cli/terminal.py",),
}
MOST_MODULES = 27


def imported(tree: ast.AST) -> set[str]:
    """The full names of the modules that a module imports, lazily imported ones included."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def calls(tree: ast.AST) -> set[str]:
    """The plain names that a module calls."""
    return {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def relative(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def at_home(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or (home.endswith("/") and module.startswith(home)) for home in homes)


@pytest.fixture(params=MODULES, ids=relative)
def module(request: pytest.FixtureRequest) -> tuple[str, ast.Module]:
    path: Path = request.param
    return relative(path), ast.parse(path.read_bytes(), filename=str(path))


def test_the_core_calls_nothing_that_reads_or_writes(module):
    name, tree = module
    if at_home(name, PURE):
        assert not calls(tree) & {"open", "print", "input", "exec", "eval", "__import__"}


def test_each_library_has_one_home(module):
    name, tree = module
    roots = {full.split(".")[0] for full in imported(tree)}
    strangers = {library for library, homes in HOMES.items() if library in roots and not at_home(name, homes)}
    assert not strangers


def test_only_the_git_package_runs_git(module):
    """A program is started only in git/; elsewhere a subprocess may run anything but git."""
    name, tree = module
    if at_home(name, ("git/",)):
        return
    if not {full for full in imported(tree) if full.split(".")[0] in ("subprocess", "pty")}:
        return
    literals = {
        element.value
        for node in ast.walk(tree)
        if isinstance(node, ast.List | ast.Tuple) and node.elts
        for element in node.elts[:1]
        if isinstance(element, ast.Constant)
    }
    assert "git" not in literals


def test_no_module_is_relative_or_unannotated(module):
    """Absolute imports (the checks above read them), and annotations as text on every supported Python."""
    name, tree = module
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    has_code = any(not isinstance(node, ast.Expr) for node in tree.body)
    if has_code and not name.endswith("__init__.py"):
        assert "__future__.annotations" in imported(tree)


def test_value_classes_are_compiled_when_used():
    """The standard library's are compiled when a module is loaded, needed or not (decision 161)."""
    early = re.compile(r"^from dataclasses import .*\bdataclass\b", re.MULTILINE)
    assert [relative(found) for found in MODULES if early.search(found.read_text(encoding="utf-8"))] == []


def test_every_package_says_what_it_is_for_and_fits_on_a_screen():
    for package in sorted(path for path in PACKAGE.iterdir() if (path / "__init__.py").exists()):
        text = (package / "__init__.py").read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), package.name
        assert len(list(package.glob("*.py"))) <= MOST_MODULES, package.name


def test_the_architecture_page_names_every_package_in_order():
    """ARCHITECTURE.md's table is the list of packages, top to bottom as the layers of pyproject.toml."""
    table = re.findall(
        r"^\| `(\w+)` \|", (PACKAGE.parent / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(table) == sorted(p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists())
    contracts = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = contracts["contracts"][0]["layers"]
    rank = {name.strip(): n for n, layer in enumerate(layers) for name in layer.split("|")}
    assert [rank[name] for name in table] == sorted(rank[name] for name in table)


def test_the_checks_see_the_package():
    names = {relative(path) for path in MODULES}
    assert "errors.py" in names
    assert all(any(name.startswith(pure) for name in names) for pure in PURE)


def test_a_class_name_means_one_thing() -> None:
    homes: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(relative(path))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}
