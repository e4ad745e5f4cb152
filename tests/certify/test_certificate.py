"""The certificate of a merge's result, and the checker that accepts or refuses it."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path

import pytest

from mergeguard.certify import Rejected, check
from mergeguard.certify import check as checker
from mergeguard.merge import MergeResult, merge, steps
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.provenance import certificate_of, unproved
from tests.support.lies import LIES, lies

ROOT = Path(__file__).parents[1] / "scenarios" / "merge"

Merge = tuple[bytes, bytes, bytes, bytes]


def _clean_scenarios() -> dict[str, Merge]:
    """The scenarios with a clean result that is not the whole of one side."""
    found: dict[str, Merge] = {}
    for case in sorted((ROOT / "working").iterdir()):
        base, ours, theirs, result = (
            (case / f"{name}.cu").read_bytes() for name in ("base", "ours", "theirs", "expected")
        )
        if b"<<<<<<<" not in result and result not in (ours, theirs):
            found[case.name] = base, ours, theirs, result
    return found


CLEAN = _clean_scenarios()

BASE = b"""\
#include <a.h>
namespace k {
#ifdef USE_HIP
int scale(int x) { return x * 2; }
#endif
int launch(int n, int m) {
  int total = 0;
  for (int i = 0; i < n; i++) {
    total += scale(i) + m;
  }
  return total;
}
}  // namespace k
int outside(int x) { return x; }
"""
OURS = BASE.replace(b"total += scale(i) + m;", b"if (m > 0) {\n      total += scale(i) + m;\n    }").replace(
    b"int total = 0;", b"int total = start(n);"
)
THEIRS = BASE.replace(b"int launch(int n, int m)", b"int launch(int n,\n           int m, int k)").replace(
    b"scale(i) + m;", b"scale(i) + m + k;"
)
RIGHT = merge(BASE, OURS, THEIRS).render()


def test_a_right_result_is_certified_and_the_certificate_is_json() -> None:
    made = json.loads(json.dumps(certificate_of(BASE, OURS, THEIRS, RIGHT)))
    check(BASE, OURS, THEIRS, RIGHT, made)
    assert b"if (m > 0)" in RIGHT and b"+ m + k;" in RIGHT
    sources = {(one >= 0, two >= 0) for _, one, two in made["result"]}
    assert sources == {(True, True), (True, False), (False, True)}


@pytest.mark.parametrize("name", CLEAN)
def test_every_clean_scenario_is_certified(name: str) -> None:
    assert unproved(*CLEAN[name]) == ""


def test_seeded_lies_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a certificate made for it, and with that of the right result."""
    monkeypatch.setattr(steps, "_MOST_STATES", 600)  # enough for texts of a screen
    monkeypatch.setattr(steps, "_WIDER", ((0, 0), (1, 1), (16, 16)))
    told: Counter[str] = Counter()
    accepted = []
    for name, (base, ours, theirs, result) in {**CLEAN, "own": (BASE, OURS, THEIRS, RIGHT)}.items():
        right = certificate_of(base, ours, theirs, result)
        for kind, lie in lies(name, base, ours, theirs, result, each=5):
            told[kind] += 1
            if not unproved(base, ours, theirs, lie):
                accepted.append((name, kind, lie.decode()))
            with pytest.raises(Rejected):
                check(base, ours, theirs, lie, right)
    assert accepted == []
    assert told.total() >= 500
    assert set(told) == {kind.__name__ for kind in LIES}


def test_what_a_search_does_not_find_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the limit: a longer search finds no account of a lie, a shorter one none of what is right."""
    for name, merged in [*CLEAN.items()][::9]:
        for _, lie in lies(f"{name} again", *merged, each=1):
            assert unproved(*merged[:3], lie) != ""
    monkeypatch.setattr(steps, "_MOST_STATES", 0)
    monkeypatch.setattr(steps, "_by_differences", lambda *_: None)
    searched = {name: merged for name, merged in CLEAN.items() if unproved(*merged)}
    assert len(searched) >= 5
    for base, ours, theirs, result in searched.values():
        lines = MergeResult(merge_lines(base, ours, theirs))
        found = merge(base, ours, theirs)
        assert not found.clean or found.render() == lines.render() or found.render() != result


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (RIGHT.replace(b"+ m + k;", b"+ m;"), "lost"),
        (RIGHT.replace(b"int k)", b"int k, int k)"), "no side|twice|not clear|again"),
        (RIGHT.replace(b"#ifdef USE_HIP\n", b"").replace(b"#endif\n", b""), "lost|not clear"),
        (RIGHT.replace(b"start(n)", b"0"), "lost|not clear"),
        (
            RIGHT.replace(b"int outside(int x) { return x; }\n", b"").replace(
                b"}  // namespace k", b"int outside(int x) { return x; }\n}  // namespace k"
            ),
            "scope|elsewhere|not clear",
        ),
    ],
    ids=["dropped", "doubled", "unguarded", "swapped", "moved"],
)
def test_what_is_wrong_is_said(wrong: bytes, said: str) -> None:
    assert wrong != RIGHT
    reason = unproved(BASE, OURS, THEIRS, wrong)
    assert any(word in reason for word in said.split("|")), reason


def test_a_certificate_of_other_texts_or_of_another_format_is_refused() -> None:
    made = certificate_of(BASE, OURS, THEIRS, RIGHT)
    with pytest.raises(Rejected, match="other texts"):
        check(BASE, OURS, THEIRS, RIGHT + b" ", made)
    with pytest.raises(Rejected, match="format"):
        check(BASE, OURS, THEIRS, RIGHT, {**made, "format": 2})


def test_a_certificate_that_claims_too_much_is_refused() -> None:
    made = certificate_of(BASE, OURS, THEIRS, RIGHT)
    for claim in (
        {"result": made["result"][1:]},
        {"base": [[count, one, one] for count, one, _ in made["base"]]},
        {"result": [[count, one, -1] for count, one, _ in made["result"]]},
        {"base": [[sum(run[0] for run in made["base"]), -1, -1]]},
    ):
        with pytest.raises(Rejected):
            check(BASE, OURS, THEIRS, RIGHT, {**made, **claim})


def test_a_name_that_one_side_changed_is_certified_as_a_rename() -> None:
    base = b"int f(int old_name) { return old_name; }\nint g() { return 1; }\n"
    ours = base.replace(b"old_name", b"count")
    theirs = base.replace(b"return old_name;", b"return old_name + old_name;")
    result = merge(base, ours, theirs).render()
    assert result.count(b"count") == 3
    assert ["ours", "old_name", "count"] in certificate_of(base, ours, theirs, result)["renames"]


@pytest.mark.parametrize(("opening", "end"), [(b"int f() {\n", b"}\n"), (b"#ifdef A\n", b"#endif\n")])
def test_what_one_side_adds_is_not_inside_of_what_the_other_adds(opening: bytes, end: bytes) -> None:
    """But inside of a block that the other side puts around what was there."""
    base = b"int a;\nint b;\nint z;\n"
    theirs = base.replace(b"int b;\n", b"int b;\nint y = 3;\n")
    ours = base.replace(b"int z;\n", opening + b"int q = 1;\nint r = 2;\n" + end + b"int z;\n")
    inside = ours.replace(b"int r", b"int y = 3;\nint r")
    assert "gave it" in unproved(base, ours, theirs, inside)
    before = ours.replace(opening, b"int y = 3;\n" + opening)
    assert unproved(base, ours, theirs, before) == ""
    wrapped = base.replace(b"int b;\nint z;\n", opening + b"int b;\nint z;\n" + end)
    assert unproved(base, wrapped, theirs, wrapped.replace(b"int z", b"int y = 3;\nint z")) == ""


def test_a_block_closes_where_it_was_closed() -> None:
    """Each side replaces a template by a specialisation of its own: none of one side's is in the other's."""
    base = b"template <int N> struct V { static const int v = N; };\n"
    ours = b"template <> struct V<1> { static const int v = 0; };\n"
    theirs = base + b"template <> struct V<3> { static const int v = 7; };\n"
    assert unproved(base, ours, theirs, ours + theirs[len(base) :]) == ""
    torn = b"template <> struct V<1> { ;\nstatic const int v = 0; }" + theirs[len(base) :]
    assert unproved(base, ours, theirs, torn) != ""


def test_unedited_text_is_no_edit() -> None:
    """A comma that the other side dropped elsewhere does not go here."""
    base = b"static int f(int a, int b, int c);\nstatic int t[] = {1, E1,};\n"
    ours, theirs = base.replace(b"E1", b"E1, E6"), base.replace(b"E1,}", b"E1}")
    lie = ours.replace(b"int a,", b"int a")
    assert unproved(base, ours, theirs, lie) != ""


def test_a_row_of_one_side_is_not_a_part_of_the_others() -> None:
    """Though its tokens are all in that: each added a row of its own."""
    base = b"static const R t[] = {\n  {1, a},\n  {4, b}};\n"
    ours, theirs = (base.replace(b"  {4", row + b"  {4") for row in (b"  {c},\n", b"  {7, c, 3},\n"))
    assert unproved(base, ours, theirs, theirs) != ""
    assert unproved(base, ours, theirs, theirs.replace(b"  {4", b"  {c},\n  {4")) == ""


def test_the_checker_is_small_and_stands_alone() -> None:
    source = Path(str(checker.__code__.co_filename)).read_text(encoding="utf-8")
    tree = ast.parse(source)
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported == {"__future__", "bisect", "collections", "hashlib", "re", "typing"}
    prose: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            prose.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    code = [
        line
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#") and number not in prose
    ]
    assert len(code) < 250
