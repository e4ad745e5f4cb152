"""Laws of following: whatever one side edits and the other moves, copies, renames, edits or deletes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.git.repository import Repository
from tests.support.story import git
from tests.treemerge.test_followededits import merged, texts

NAMES = ("scale", "total", "soften", "clip")
BODIES = {
    "scale": (
        "const float factor = 1.0f / n;",
        "for (int i = 0; i < n; ++i) {",
        "  out[i] = in[i] * factor;",
        "}",
    ),
    "total": ("float sum = 0.0f;", "for (int i = 0; i < n; ++i) {", "  sum += in[i];", "}", "out[0] = sum;"),
    "soften": (
        "const float top = largest(in, n);",
        "out[0] = logf(spread(in, top, n)) + top;",
        "sync_all();",
    ),
    "clip": ("for (int i = 0; i < n; ++i) {", "  out[i] = fminf(fmaxf(in[i], low(n)), high(n));", "}"),
}
FATES = (
    "stays",
    "moves",
    "goes to the other",
    "is copied",
    "is renamed and moves",
    "is edited and moves",
    "becomes a macro",
    "is deleted",
)


def function(name: str, edits: tuple[str, ...] = (), called: str | None = None) -> str:
    first, *rest = BODIES[name]
    lines = [first, *edits, *rest]
    return (
        f"void {called or name}(float* out, const float* in, int n) {{\n"
        + "".join(f"  {line}\n" for line in lines)
        + "}\n"
    )


def macro(name: str) -> str:
    """The body of a function as a split has it that several shards share."""
    return f"#define {name.upper()}_BODY \\\n" + " \\\n".join(f"  {line}" for line in BODIES[name]) + "\n"


def file(functions: list[str]) -> bytes:
    return ('#include "common.h"\n\n' + "\n".join(functions)).encode()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("laws")
    git(folder, "init", "-q")
    return Repository.discover(folder)


@settings(max_examples=25, deadline=None)
@given(
    edited=st.sets(st.sampled_from(NAMES), min_size=1),
    fates=st.tuples(*(st.sampled_from(FATES) for _ in NAMES)),
    here=st.booleans(),
)
def test_no_edit_is_lost_doubled_or_left_behind(
    repository: Repository, edited: set[str], fates: tuple[str, ...], here: bool
) -> None:
    base = {"a.cu": file([function(n) for n in NAMES[:2]]), "b.cu": file([function(n) for n in NAMES[2:]])}
    edits = {n: (f"fork_{n}();",) if n in edited else () for n in NAMES}
    editor = {
        "a.cu": file([function(n, edits[n]) for n in NAMES[:2]]),
        "b.cu": file([function(n, edits[n]) for n in NAMES[2:]]),
    }
    homes: dict[str, list[str]] = {"a.cu": [], "b.cu": [], "c.cuh": []}
    for n, fate in zip(NAMES, fates, strict=True):
        own, other = ("a.cu", "b.cu") if n in NAMES[:2] else ("b.cu", "a.cu")
        if fate in ("stays", "is copied"):
            homes[own].append(function(n))
        if fate in ("moves", "is copied"):
            homes["c.cuh"].append(function(n))
        if fate == "goes to the other":
            homes[other].append(function(n))
        if fate == "is renamed and moves":
            homes["c.cuh"].append(function(n, called=f"{n}_kernel"))
        if fate == "becomes a macro":
            homes["c.cuh"].append(macro(n))
        if fate == "is edited and moves":
            homes["c.cuh"].append(function(n).removesuffix("}\n") + "  done(n);\n}\n")
    mover = {path: file(found) for path, found in homes.items() if found}
    outcome = merged(repository, base, *((editor, mover) if here else (mover, editor)))
    result = texts(repository, outcome.tree)
    found = {n: sum(text.count(f"fork_{n}();".encode()) for text in result.values()) for n in NAMES}
    assert all(found[n] for n in edited)
    if outcome.clean:
        assert all(found[n] == 1 for n in edited)
        assert not any(fate == "is deleted" and n in edited for n, fate in zip(NAMES, fates, strict=True))
        for n, fate in zip(NAMES, fates, strict=True):
            definitions = sum(text.count(f"void {n}".encode()) for text in result.values())
            assert definitions == {"is copied": 2, "is deleted": 0, "becomes a macro": 0}.get(fate, 1)
