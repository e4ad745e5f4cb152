"""The report's values: ids that last, what came from upstream, commands that can be typed."""

from __future__ import annotations

import shlex
from dataclasses import replace

from mergeguard.fork.report import (
    Arrival,
    CandidatePlace,
    Case,
    ForkReport,
    RuleLedger,
    Unresolved,
    arrivals,
    hunk_ids,
    line_across,
    marker_lines,
)
from mergeguard.lens.hunks import Hunk, Reason


def hunk(path="csrc/a b/x.cu", line=4, old=b"", new=b"int x;\n", reason=Reason.NO_HOME):
    return Hunk(path, line, line, old, new, reason, None)


def test_an_id_depends_on_the_text_not_on_the_line():
    (first,) = hunk_ids([hunk()])
    assert list(hunk_ids([hunk(line=90)])) == [first]
    assert list(hunk_ids([replace(hunk(), anchor=7, detail="more")])) == [first]
    others = [
        hunk(path="y"),
        hunk(new=b"int y;\n"),
        hunk(old=b"int x;\n", new=b""),
        hunk(old=b"i", new=b"nt x;\n"),
    ]
    assert first not in hunk_ids(others)
    assert len(hunk_ids(others)) == len(others)


def test_equal_hunks_are_told_apart_by_their_order():
    twins = [hunk(line=4), hunk(line=9)]
    assert [h.line for h in hunk_ids(twins).values()] == [4, 9]
    # Two changes of one line widen to the same lines: one hunk.
    assert len(hunk_ids([hunk(), hunk()])) == 1


def test_arrivals_name_what_changed():
    old = b"#include <a>\n\nint f(int x) {\n  return x;\n}\n\nint gone() {\n  return 1;\n}\n"
    new = (
        b"#include <a>\n#include <b>\n\nint f(int x, int y) {\n  return x;\n}\n\n"
        b"int fresh() {\n  return 1;\n}\n"
    )
    assert arrivals(old, new) == (
        Arrival("f", "function", "changed", 1, 1),
        Arrival("fresh", "function", "new", 4, 0),
        Arrival("gone", "function", "removed", 0, 4),
        Arrival("<b>", "include", "new", 1, 0),
    )
    assert arrivals(old, old) == ()


def test_arrivals_in_a_namespace_are_named_by_what_changed_there():
    old = b"namespace a {\nint one() { return 1; }\nnamespace b {\nint two() { return 2; }\n}\n}\n"
    found = arrivals(old, old.replace(b"return 2", b"return 3"))
    assert [(a.item, a.status, a.added, a.removed) for a in found] == [("a::b::two", "changed", 1, 1)]


def test_lines_are_followed_across_an_edit():
    old = b"a\nb\nc\nd\n"
    new = b"new\na\nB\nc\nd\n"
    assert [line_across(old, new, n) for n in range(4)] == [1, 2, 3, 4]
    assert line_across(b"a\nb\nc\n", b"a\nc\n", 2) == 1


def test_markers_are_found_by_line():
    text = b"a << b\n<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> up\n<<<<<<<\r\n <<<<<<< no\n<<<<<<<no\n"
    assert marker_lines(text) == (2, 7)


def test_commands_can_be_typed():
    case = Case(
        "01234567", "r", hunk(), places=(CandidatePlace("a b/y.cu", 3, "f", "after", 0.5),), unstaged=True
    )
    commands = [command for _, command in case.commands()]
    assert shlex.split(commands[0]) == [
        "git", "add", "--", "csrc/a b/x.cu", "&&",
        "mergeguard", "unmapped", "apply", "01234567", "--to", "a b/y.cu:3",
    ]  # fmt: skip
    assert [shlex.split(c)[-2:] for c in commands[1:]] == [
        ["edit", "01234567"],
        ["keep", "01234567"],
        ["drop", "01234567"],
    ]
    kept = replace(case, kept="", places=())
    assert [command for _, command in kept.commands()] == ["mergeguard unmapped keep 01234567 --undo"]
    removed = Case("0", "r", hunk(reason=Reason.FILE_REMOVED))
    assert removed.commands()[0] == ("bring the file back", "mergeguard unmapped drop 0")


def test_the_next_command_follows_what_is_open():
    waiting = RuleLedger("r", "m", "split", "0" * 40, waiting=(Arrival("f", "function", "new", 1, 0),))
    case = Case("01234567", "r", hunk())
    ledger = ForkReport("0" * 40, "fork", "up/main", None, (waiting,))
    assert ledger.clean
    assert ledger.next_command() == "mergeguard sync up/main"
    opened = replace(ledger, rules=(replace(waiting, unmapped=(case,)),))
    assert not opened.clean
    assert opened.next_command() == "mergeguard unmapped show 01234567"
    kept = replace(ledger, rules=(replace(waiting, unmapped=(replace(case, kept="why"),)),))
    assert kept.clean
    conflict = replace(opened, conflicts=(Unresolved("x"),))
    assert conflict.next_command() == "mergeguard sync --continue"
    assert not replace(ledger, rules=(RuleLedger("r", "m", "broken", problem="no"),)).clean
