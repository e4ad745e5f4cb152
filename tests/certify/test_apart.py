"""What is proved where four texts differ is proved of the whole: the checker accepts it of that."""

from __future__ import annotations

from bisect import bisect_left
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.certify import FORMAT, Rejected, Text, check
from mergeguard.merge import merge
from mergeguard.merge.apart import Texts, stretches
from mergeguard.merge.provenance import _accepted, _renames, unproved
from mergeguard.merge.steps import Unaccounted
from tests.certify.test_certificate import CLEAN

STATEMENTS = [
    b"int launch(int n, int m) {\n", b"  if (n > m) {\n", b"    go(n);\n", b"  }\n", b"  int total = n;\n",
    b"  return total;\n", b"}\n", b"#if A\n", b"#else\n", b"#endif\n", b"// a word\n",
    b"#define M(x) \\\n  x\n", b"  total += 1;  // more\n", b"namespace k {\n", b'  say("a b");\n',
    b"/* of\n * two */\n", b"\n",
    b"int other(int a, int b) { return a + b; }\n", b"#include <a.h>\n", b"  case 1:\n", b"  x = y\n",
    b"    + z;\n",
]  # fmt: skip
EDITS = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 2), st.sampled_from(STATEMENTS)), max_size=3)


def composed(texts: Texts) -> dict[str, Any] | None:
    """The certificate of the whole that those of the stretches make; None where they are refused."""
    whole = [Text(text) for text in texts]
    apart = stretches(texts)
    if apart is None:
        return None
    renames = _renames(*texts[:3])
    runs: dict[str, list[list[int]]] = {"base": [], "result": []}
    renamed: list[list[str]] = []
    at = [0, 0, 0, 0]
    ends = [len(text.tokens) for text in whole]
    for stretch in [*apart, None]:
        begins = ends
        if stretch is not None:
            begins = [bisect_left(t.offsets, s) for t, s in zip(whole, stretch.starts, strict=True)]
        assert len({begin - here for begin, here in zip(begins, at, strict=True)}) == 1
        for of in runs.values():
            of.append([begins[0] - at[0], at[1], at[2]])
        if stretch is None:
            break
        try:
            made = _accepted(stretch.texts, renames)
        except (Unaccounted, Rejected):
            return None
        for name, of in runs.items():
            of += [[n, o + begins[1] * (o >= 0), t + begins[2] * (t >= 0)] for n, o, t in made[name]]
        renamed += made["renames"]
        at = [begin + len(text.tokens) for begin, text in zip(begins, stretch.texts, strict=True)]
    digests = {
        n: sha256(t.text).hexdigest()
        for n, t in zip(("base", "ours", "theirs", "result"), whole, strict=True)
    }
    return {"format": FORMAT, "digests": digests, "renames": renamed, **runs}


def test_scenarios_are_proved_by_their_stretches() -> None:
    made = {name: composed(texts) for name, texts in CLEAN.items()}
    for name, texts in CLEAN.items():
        if (certificate := made[name]) is not None:
            check(*texts, certificate)
    assert sum(certificate is not None for certificate in made.values()) > len(made) / 2


def edited(lines: list[bytes], edits: list[tuple[int, int, bytes]]) -> bytes:
    """Lines with some replaced by a statement, removed, or with one before them."""
    lines = list(lines)
    for place, kind, statement in edits:
        at = place % (len(lines) + 1)
        lines[at : at + (kind > 0)] = [statement] if kind < 2 else []
    return b"".join(lines)


@given(st.lists(st.sampled_from(STATEMENTS), min_size=4, max_size=40), EDITS, EDITS, EDITS)
@settings(max_examples=60, deadline=None)
def test_what_stretches_prove_the_checker_accepts_of_the_whole(
    lines: list[bytes],
    mine: list[tuple[int, int, bytes]],
    other: list[tuple[int, int, bytes]],
    wrong: list[tuple[int, int, bytes]],
) -> None:
    base, ours, theirs = b"".join(lines), edited(lines, mine), edited(lines, other)
    merged = merge(base, ours, theirs)
    for result in (merged.render() if merged.clean else theirs, edited(lines, [*mine, *wrong])):
        certificate = composed((base, ours, theirs, result))
        if certificate is not None:
            check(base, ours, theirs, result, certificate)


def test_what_moves_from_one_stretch_to_another_is_proved_of_the_whole() -> None:
    one, two, three = (b"int %s(int x) {\n  return x + %d;\n}\n" % (n, len(n)) for n in (b"f", b"gg", b"hhh"))
    base, ours = one + two + three, two + three + one
    theirs = base.replace(b"x + 1", b"x - 1")
    result = ours.replace(b"x + 1", b"x - 1")
    assert composed((base, ours, theirs, result)) is None
    assert unproved(base, ours, theirs, result) == ""


def test_a_stretch_closes_what_it_opens() -> None:
    base = b"int f(int a) {\n  if (a) {\n    g();\n  }\n#if A\n  h();\n#else\n  i();\n#endif\n}\nint z;\n"
    ours, theirs = base.replace(b"if (a)", b"if (!a)"), base.replace(b"#else", b"#elif B")
    result = ours.replace(b"#else", b"#elif B")
    apart = stretches((base, ours, theirs, result))
    assert apart is not None
    assert [one.texts[3].text.splitlines()[0] for one in apart] == [b"  if (!a) {", b"#if A"]
    assert stretches((b"}\n" + base, b"}\n" + ours, b"}\n" + theirs, b"}\n" + result)) is not None
    assert stretches((b"{\n" + base, ours, theirs, result)) is None


@pytest.mark.parametrize("side", [0, 1])
def test_a_lost_edit_is_in_a_stretch(side: int) -> None:
    lines = b"".join(b"int v%d = %d;\n" % (n, n) for n in range(30))
    ours, theirs = lines.replace(b"= 7;", b"= 70;"), lines.replace(b"= 20;", b"= 21;")
    assert unproved(lines, ours, theirs, ours.replace(b"= 20;", b"= 21;")) == ""
    assert unproved(lines, ours, theirs, (ours, theirs)[side]) != ""
