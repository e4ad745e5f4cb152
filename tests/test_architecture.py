"""The layers, proved from the imports of every module: see DESIGN 5 and the README's architecture section."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "mergeguard"
MODULES = sorted(PACKAGE.rglob("*.py"))

# What core/ may not touch: bytes in, values out.
IMPURE = {
    "os",
    "io",
    "pathlib",
    "shutil",
    "subprocess",
    "tempfile",
    "socket",
    "urllib",
    "http",
    "time",
    "random",
} | {
    "pygit2",
    "typer",
    "click",
    "rich",
    "clang",
    "PIL",
    "importlib",
}
# Who alone may import what; a folder ends with "/".
HOMES = {
    "pygit2": ("git/",),
    "clang": ("clang.py",),
    "PIL": ("reporting/png.py",),
    "typer": ("cli/",),
    "click": ("cli/",),
    "rich": ("cli/",),
}


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


def test_core_is_pure(module):
    name, tree = module
    if not name.startswith("core/"):
        return
    roots = {full.split(".")[0] for full in imported(tree)}
    assert not roots & IMPURE
    assert not calls(tree) & {"open", "print", "input", "exec", "eval", "__import__"}


def test_core_depends_only_on_core_and_errors(module):
    name, tree = module
    if not name.startswith("core/"):
        return
    own = {full for full in imported(tree) if full.split(".")[0] == "mergeguard"}
    outside = {
        full
        for full in own
        if full != "mergeguard" and not full.startswith(("mergeguard.core", "mergeguard.errors"))
    }
    assert not outside


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


def test_the_command_line_is_imported_by_nobody(module):
    name, tree = module
    if at_home(name, ("cli/", "__main__.py")):
        return
    assert not {full for full in imported(tree) if full.startswith("mergeguard.cli")}


def test_no_module_is_relative_or_unannotated(module):
    """Absolute imports (the checks above read them), and annotations as text on every supported Python."""
    name, tree = module
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    has_code = any(not isinstance(node, ast.Expr) for node in tree.body)
    if has_code and not name.endswith("__init__.py"):
        assert "__future__.annotations" in imported(tree)


def test_the_checks_see_the_package():
    names = {relative(path) for path in MODULES}
    assert "errors.py" in names
    assert any(name.startswith("core/") for name in names)
