"""What all texts of a merge have alike is put out of the gates' sight, and they say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.merge import gates, merge, unlike
from mergeguard.merge.gates import GATES, Compared, Fault, faults
from mergeguard.merge.unlike import Texts

CASES = sorted((Path(__file__).parents[1] / "scenarios" / "merge" / "working").iterdir())[::3]
BODY = "".join(f"  value += table[{n}] * scale;\n" for n in range(12))
COMMON = "".join(f"static int common_{n}(int value) {{\n{BODY}  return value;\n}}\n\n" for n in range(30))


def of_all(texts: Texts) -> list[Fault]:
    """The faults by the whole texts."""
    compared = Compared(*texts)
    return [fault for gate in GATES for fault in gate(compared)]


def file_of(*parts: str) -> bytes:
    """Functions that nobody edits, with the parts between and behind them."""
    return "\n".join((parts[0], COMMON, *parts[1:])).encode()


def without(*texts: bytes) -> unlike.Unlike:
    base, ours, theirs, merged = texts
    cut = unlike.unlike((base, ours, theirs, merged))
    assert cut is not None
    return cut


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gates_find_the_same_faults_without_what_is_alike(case, monkeypatch):
    monkeypatch.setattr(unlike, "_LEAST", 0)
    monkeypatch.setattr(unlike, "_MOST_EDITED", 100)
    base, ours, theirs = ((case / f"{name}.cu").read_bytes() for name in ("base", "ours", "theirs"))
    for text in {merge(base, ours, theirs).render(side) for side in ("ours", "theirs")}:
        texts = base, ours, theirs, text
        found = gates._of_the_unlike(texts, frozenset())
        whole = gates._graded(Compared(*texts), of_all(texts))
        assert found is None or found == whole


def test_functions_that_nobody_edits_are_put_away_and_places_are_those_of_the_whole():
    base = file_of("int first;", "int g(int a) {\n  note(a);\n  return a;\n}\n")
    ours = base.replace(b"int first;", b"int first, second;")
    theirs = base.replace(b"  note(a);\n", b"")
    result = ours  # theirs removed the call, and it is back
    cut = without(base, ours, theirs, result)
    assert max(map(len, cut.texts)) < 1_500 < len(base)
    assert cut.names == {f"common_{n}".encode() for n in range(30)}
    edited = ours.replace(b"  note(a);\n", b"  note(a);\n  note(a, a);\n")
    found = [fault for fault in faults(base, edited, theirs, edited) if fault.code == "undone-removal"]
    assert found == [
        fault for fault in of_all((base, edited, theirs, edited)) if fault.code == "undone-removal"
    ]
    assert [edited[start:end] for fault in found for start, end in fault.places] == [b"note(a);"]


def test_a_function_whose_name_something_edited_has_stays():
    base = file_of("int first;", "void common_7(float);\n")
    ours = base.replace(b"common_7(float)", b"common_7(double)")
    theirs = base.replace(b"int first;", b"int other;")
    cut = without(base, ours, theirs, ours)
    assert b"common_7" not in cut.names
    assert b"static int common_7" in cut.texts[0]


def test_a_function_that_stands_elsewhere_on_one_side_stays():
    base = file_of("int first;", "int last;\n")
    moved = "static int common_3(int value) {\n" + BODY + "  return value;\n}\n\n"
    ours = base.replace(moved.encode(), b"") + moved.encode()
    theirs = base.replace(b"int first;", b"int other;")
    assert b"common_3" not in without(base, ours, theirs, ours).names


def test_texts_that_a_side_edited_all_over_are_read_whole():
    base = file_of("int first;")
    everywhere = base.replace(b"value +=", b"value -=")
    assert unlike.unlike((base, everywhere, base.replace(b"first", b"other"), everywhere)) is None


@pytest.mark.parametrize("text", [b"int a;\n", file_of("{% if x %}", "{% endif %}")])
def test_small_texts_and_code_templates_are_read_whole(text):
    assert unlike.unlike((text, text, text, text)) is None
