"""A clean merge of code is the sum of both sides' edits: nothing lost, nothing doubled."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.tokens import tokens_of
from mergeguard.merge import merge

FUNCTION = b"// Number %d.\nint f%d(int a, int b) {\n  int c = a * %d;\n  return c + b;\n}\n\n"
FUNCTIONS = [FUNCTION % (i, i, i) for i in range(4)]
BASE = b"#include <a.h>\n\n" + b"".join(FUNCTIONS)


@st.composite
def edits(draw: st.DrawFn, tag: bytes) -> bytes:
    """An edited BASE; names that it brings hold ``tag``, so that each is known to be this side's."""
    parts = list(FUNCTIONS)
    head = b"#include <a.h>\n\n"
    for number in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(parts) - 1))
        name = b"%s_%d" % (tag, number)
        match draw(
            st.sampled_from(["wrap", "insert", "argument", "function", "delete", "move", "include", "guard"])
        ):
            case "wrap":
                parts[at] = parts[at].replace(b"(int a, int b) {\n", b"(int a,\n       int b)\n{\n")
            case "insert":
                parts[at] = parts[at].replace(b"  return", b"  %s(c);\n  return" % name)
            case "argument":
                parts[at] = parts[at].replace(b"int b", b"int b, int %s" % name, 1)
            case "function":
                parts.insert(at, b"void %s() {\n  go();\n}\n\n" % name)
            case "delete":
                parts[at] = b""
            case "move":
                parts.append(parts.pop(at))
            case "include":
                head = head.replace(b"<a.h>\n", b"<a.h>\n#include <%s.h>\n" % name)
            case _:
                parts[at] = parts[at].replace(b"  return", b"#if %s\n  x();\n#endif\n  return" % name)
    return head + b"".join(parts)


@settings(max_examples=250, deadline=None)
@given(edits(b"mine"), edits(b"yours"))
def test_every_token_that_one_side_added_or_deleted(ours: bytes, theirs: bytes) -> None:
    result = merge(BASE, ours, theirs)
    mirrored = merge(BASE, theirs, ours)
    assert result.conflicts == mirrored.conflicts
    if not result.clean:
        return
    o, t, m = (Counter(tokens_of(x).keys) for x in (ours, theirs, result.render()))
    for token in o.keys() | t.keys() | m.keys():
        if b"mine_" in token:
            assert m[token] == o[token], token
        elif b"yours_" in token:
            assert m[token] == t[token], token
    for number in range(4):
        # What one side deleted is gone, whatever the other did to it; what both kept is there once.
        name = b"f%d" % number
        assert m[name] == min(o[name], t[name]), name
    assert Counter(tokens_of(mirrored.render()).keys) == m
