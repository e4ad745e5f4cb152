"""Which clean merges of lines are held to the gates: those whose edits can meet, and no others."""

from __future__ import annotations

from mergeguard.merge import merge, verdict
from mergeguard.merge.checks.screen import may_be_faulty, may_have_twins

FUNCTIONS = [
    b"int f%d(int x) {\n  int y = x + %d;\n  switch (x) {\n    case 1:\n" % (n, n)
    + b"".join(b"      y = y * %d;\n" % k for k in range(40))
    + b"      break;\n  }\n  return y;\n}\n\n"
    for n in range(4)
]
BASE = b"".join(FUNCTIONS)


def with_function(number: int, old: bytes, new: bytes) -> bytes:
    """The file with one function edited."""
    assert old in FUNCTIONS[number]
    edited = FUNCTIONS[number].replace(old, new, 1)
    return b"".join([*FUNCTIONS[:number], edited, *FUNCTIONS[number + 1 :]])


def test_a_comment_meets_nothing():
    theirs = with_function(1, b"int y = x", b"int y = 2 * x")
    for comment in (b"  // a word\n", b"  /* a word */\n\n", b"\n"):
        assert not may_be_faulty(BASE, with_function(1, b"  int y", comment + b"  int y"), theirs)
    continued = with_function(1, b"  int y", b"  // a word \\\n  int y")
    assert may_be_faulty(BASE, continued, theirs)
    assert may_be_faulty(
        BASE, with_function(1, b"return y", b"return 3 * y"), with_function(1, b"y * 39", b"y")
    )


def test_a_torn_block_reaches_as_far_as_its_function():
    opened = with_function(1, b"      y = y * 0;\n", b"      if (x)\n      y = y * 0;\n    case 7:\n")
    far_inside = with_function(1, b"y = y * 39", b"y = y * 41")
    assert may_be_faulty(BASE, opened, far_inside)
    assert may_be_faulty(BASE, far_inside, opened)
    assert not may_be_faulty(BASE, opened, with_function(3, b"y = y * 39", b"y = y * 41"))


def test_what_is_never_closed_reaches_everywhere():
    opened = with_function(0, b"int f0", b"namespace a {\nint f0")
    assert may_be_faulty(BASE, opened, with_function(3, b"y = y * 39", b"y = y * 41"))
    # Closed far below, it reaches as far.
    closed = opened.replace(b"int f3", b"}\nint f3", 1)
    assert may_be_faulty(BASE, closed, with_function(1, b"y = y * 20", b"y = y * 41"))


def test_twins_need_common_words():
    mine, other = (with_function(n, b"int f%d" % n, b"int %s();\nint f%d" % (b"g", n)) for n in (0, 3))
    assert may_have_twins(BASE, mine, other)
    other = with_function(3, b"int f3", b"long other() { return 0; }\nint f3")
    assert not may_have_twins(BASE, with_function(0, b"int f0", b"// long ago\nint f0"), other)


def test_a_conflict_that_holds_all_edits_has_no_fault_outside(monkeypatch):
    ours, theirs = (with_function(1, b"y = y * 39", b"y = %s * 39" % name) for name in (b"x", b"z"))
    inside = merge(BASE, ours, theirs)
    assert not inside.clean
    asked: list[str] = []
    real = verdict._outside

    def noted(*given):
        asked.append(given[-1])
        return real(*given)

    monkeypatch.setattr(verdict, "_outside", noted)
    assert verdict.faults_of(BASE, ours, theirs, inside) == []
    assert not asked
    more = ours.replace(b"return y", b"return -y", 1)
    assert verdict.faults_of(BASE, more, theirs, merge(BASE, more, theirs)) == []
    assert {*asked} == {"ours"}  # nothing was found that the other side might have as well
