"""Named cases of the structured merge; longer ones are in tests/scenarios/merge."""

from __future__ import annotations

from mergeguard.merge import Conflict, MergeResult, Note, Resolved, merge
from mergeguard.merge.engine import _no_larger
from mergeguard.merge.markers import parse_markers, refine, render_markers
from mergeguard.merge.stretch.weave import weave

BASE = b"""#include <a.h>
#include <c.h>

int add(int a, int b) {
  return a + b;
}

int sub(int a, int b) {
  return a - b;
}

int use(int n) {
  switch (n) {
    case 1:
      return add(n, n);
    case 2:
      return sub(n, n);
    default:
      return 0;
  }
}
"""


def _codes(result: object) -> set[str]:
    return {note.code for note in result.notes}  # type: ignore[attr-defined]


def test_rewrapped_and_edited() -> None:
    ours = BASE.replace(
        b"int add(int a, int b) {\n  return", b"int add(int a,\n        int b)\n{\n    return"
    )
    theirs = BASE.replace(b"int add(int a, int b)", b"int add(int a, long b)")
    result = merge(BASE, ours, theirs)
    assert result.clean
    assert result.render() == ours.replace(b"int b)\n", b"long b)\n")


def test_upstream_layout_wins_where_only_layout_differs() -> None:
    ours = BASE.replace(b"int add(int a, int b)", b"int add(int a,   int b)")
    theirs = BASE.replace(b"int add(int a, int b)", b"int add(int a,\n        int b)")
    assert merge(BASE, ours, theirs).render() == theirs


def test_distinct_functions_at_one_place_are_both_kept_upstream_first() -> None:
    one, two = b"int mine() {\n  return 1;\n}\n\n", b"int yours() {\n  return 2;\n}\n\n"
    at = BASE.index(b"int use")
    result = merge(BASE, BASE[:at] + one + BASE[at:], BASE[:at] + two + BASE[at:])
    assert result.clean
    assert result.render() == BASE[:at] + two + one + BASE[at:]


def test_the_same_function_twice_is_a_conflict_wherever_it_stands() -> None:
    one, two = b"int mine() {\n  return 1;\n}\n\n", b"int mine() {\n  return 2;\n}\n\n"
    ours = BASE.replace(b"int sub", one + b"int sub")
    theirs = BASE + two
    result = merge(BASE, ours, theirs)
    assert result.conflicts == 2
    assert "duplicate-definition" in _codes(result)
    assert result.render("ours").count(b"int mine()") == 1
    assert result.render("theirs").count(b"return 2;") == 1


def test_case_arms_of_both_sides_are_kept() -> None:
    ours = BASE.replace(b"    default", b"    case 3:\n      return 33;\n    default")
    theirs = BASE.replace(b"    default", b"    case 4:\n      return 44;\n    default")
    result = merge(BASE, ours, theirs)
    assert result.clean
    assert (
        result.render().index(b"case 3")
        < result.render().index(b"case 4")
        < result.render().index(b"default")
    )
    assert merge(BASE, theirs, ours).render() == result.render()


def test_the_same_arm_twice_is_not_silent() -> None:
    ours = BASE.replace(b"    case 1", b"    case 9:\n      return 1;\n    case 1")
    theirs = BASE.replace(b"    default", b"    case 9:\n      return 2;\n    default")
    result = merge(BASE, ours, theirs)
    assert result.conflicts or "duplicate-arm" in _codes(result)


def test_an_edit_follows_a_function_that_moved() -> None:
    at = BASE.index(b"int use")
    add = BASE[BASE.index(b"int add") : BASE.index(b"int sub")]
    ours = BASE[:at].replace(add, b"") + add + BASE[at:]
    theirs = BASE.replace(b"return a + b;", b"return b + a;").replace(b"return a - b;", b"return -b + a;")
    result = merge(BASE, ours, theirs)
    assert result.clean
    assert result.render() == ours.replace(b"return a + b;", b"return b + a;").replace(b"a - b;", b"-b + a;")


def test_a_rename_reaches_the_new_uses_of_the_other_side() -> None:
    ours = BASE.replace(b"add(", b"plus(")
    theirs = BASE.replace(b"return 0;", b"return add(1, 2);")
    result = merge(BASE, ours, theirs)
    assert result.clean
    assert result.render() == ours.replace(b"return 0;", b"return plus(1, 2);")
    assert "renamed" in _codes(result)


def test_a_removed_function_that_gets_a_new_use_is_a_finding() -> None:
    base = BASE.replace(b"add(n, n)", b"n")
    add = base[base.index(b"int add") : base.index(b"int sub")]
    result = merge(base, base.replace(add, b""), base.replace(b"return 0;", b"return add(1, 2);"))
    assert [note.code for note in result.findings] == ["lost-name"]


def test_a_changed_signature_and_a_new_call_is_a_finding() -> None:
    ours = BASE.replace(b"int sub(int a, int b)", b"int sub(int a, int b, int c)")
    theirs = BASE.replace(b"#include <c.h>\n", b"#include <c.h>\n\nint early() {\n  return sub(3, 4);\n}\n")
    theirs = theirs.replace(b"int sub(int a, int b)", b"int sub(int a, int b)")
    assert "signature-changed" in _codes(merge(BASE, ours, theirs))


def test_delete_against_edit_is_a_conflict() -> None:
    add = BASE[BASE.index(b"int add") : BASE.index(b"int sub")]
    result = merge(BASE, BASE.replace(add, b""), BASE.replace(b"a + b", b"b + a"))
    assert result.conflicts == 1


def test_includes_are_a_set() -> None:
    ours = BASE.replace(b"#include <c.h>\n", b"#include <b.h>\n#include <c.h>\n")
    theirs = BASE.replace(b"#include <c.h>\n", b"#include <x.h>\n#include <b.h>\n#include <c.h>\n")
    result = merge(BASE, ours, theirs)
    assert result.clean
    assert sorted(x for x in result.render().split(b"\n") if x.startswith(b"#include")) == [
        b"#include <a.h>",
        b"#include <b.h>",
        b"#include <c.h>",
        b"#include <x.h>",
    ]


def test_branches_of_the_preprocessor_are_kept_apart() -> None:
    kernel = b"void k(int x) {\n  f(x);\n  g(x);\n}\n"
    base = b"#if A\n" + kernel + b"#elif B\n" + kernel + b"#else\n" + kernel + b"#endif\n"
    edited = kernel.replace(b"g(x)", b"g(x + 1)")
    wrapped = kernel.replace(b"void k(int x) {\n", b"void\nk(int x)\n{\n")
    ours = b"#if A\n" + kernel + b"#elif B\n" + edited + b"#else\n" + kernel + b"#endif\n"
    theirs = b"#if A\n" + wrapped + b"#elif B\n" + wrapped + b"#else\n" + wrapped + b"#endif\n"
    result = merge(base, ours, theirs)
    assert result.clean
    second = wrapped.replace(b"g(x)", b"g(x + 1)")
    assert (
        result.render() == b"#if A\n" + wrapped + b"#elif B\n" + second + b"#else\n" + wrapped + b"#endif\n"
    )


def test_an_edited_guard_over_an_edit_is_a_finding() -> None:
    base = b"#if A\nint f() {\n  int a;\n  int b;\n  int c;\n  return 1;\n}\n#endif\n"
    result = merge(base, base.replace(b"#if A", b"#if A && B"), base.replace(b"return 1", b"return 2"))
    assert [note.code for note in result.findings] == ["guard-changed"]


def test_another_line_ending_is_no_other_condition() -> None:
    """One side turned the whole file into CRLF, the other edited what stands under a condition."""
    base = b"#if A\nint a = 1;\nint b = 2;\nint c = 3;\n#endif\n"
    ours = base.replace(b"\n", b"\r\n")
    result = merge(base, ours, base.replace(b"b = 2", b"b = 4"))
    text = result.render()
    assert b"b = 4" in text and b"#if A\r\n" in text
    assert not result.findings


def test_comments_reflow_and_change() -> None:
    base = b"// one two three\n// four five\nint x;\n"
    assert weave(base, b"// one two\n// three four\n// five\nint x;\n", base.replace(b"four", b"4")) == (
        b"// one two\n// three 4\n// five\nint x;\n"
    )


def test_a_comment_never_swallows_code() -> None:
    base = b"int a; // note\nint b;\n"
    merged = weave(base, b"int a;\nint b;\n", b"int a; // note\nint   b; int c;\n")
    assert merged.splitlines()[-1].endswith(b"int c;")
    assert b"//" not in merged


def test_macro_bodies_keep_their_continuations() -> None:
    base = b"#define M(a) \\\n  f(a);    \\\n  g(a);\nint x;\n"
    ours = b"#define M(a) \\\n    f(a);  \\\n    g(a);\nint x;\n"
    merged = weave(base, ours, base.replace(b"g(a)", b"g(a, 1)"))
    assert merged == b"#define M(a) \\\n    f(a);  \\\n    g(a, 1);\nint x;\n"


def test_markers_round_trip_and_styles() -> None:
    result = merge(b"a\nb\nc\n", b"a\nx\nq\nc\n", b"a\nx\nr\nc\n")
    assert result.conflicts == 1
    text = render_markers(result.pieces, ("o", "b", "t"), "diff3", 9)
    assert text == b"a\n<<<<<<<<< o\nx\nq\n||||||||| b\nb\n=========\nx\nr\n>>>>>>>>> t\nc\n"
    assert parse_markers(text, 9) == result.pieces
    assert [p for p in refine(result.pieces, "zdiff3") if isinstance(p, Conflict)] == [
        Conflict(b"b\n", b"q\n", b"r\n")
    ]
    assert render_markers(result.pieces, ("o", "b", "t")) == b"a\nx\n<<<<<<< o\nq\n=======\nr\n>>>>>>> t\nc\n"


def test_a_new_include_goes_into_the_order_that_the_other_side_sorted() -> None:
    base = b"#include <d.h>\n#include <b.h>\n#include <c.h>\nint x;\n"
    ours = b"#include <b.h>\n#include <c.h>\n#include <d.h>\nint x;\n"
    theirs = b"#include <d.h>\n#include <b2.h>\n#include <c.h>\nint x;\n"
    result = merge(base, ours, theirs)
    assert result.clean
    assert sorted(result.render().splitlines()) == sorted(theirs.splitlines())


def test_a_comment_does_not_keep_the_old_indentation_of_the_line_after_it() -> None:
    ours = BASE.replace(b"  return a + b;", b"  // ours\n  return a + b;")
    theirs = BASE.replace(b"  return a + b;", b"    return a + b;")
    for result in (merge(BASE, ours, theirs), merge(BASE, theirs, ours)):
        assert result.render() == theirs.replace(b"    return a + b;", b"  // ours\n    return a + b;")


def test_using_lines_are_a_set_of_different_names() -> None:
    base = b"using a::x;\n\nint f();\n\nint g();\n"

    def with_(line: bytes) -> bytes:
        return base.replace(b"a::x;\n", b"a::x;\n" + line)

    result = merge(base, with_(b"using a::mine;\n"), with_(b"using b::yours;\n"))
    assert result.render() == with_(b"using b::yours;\nusing a::mine;\n")
    assert merge(base, with_(b"using T = int;\n"), with_(b"using T = long;\n")).conflicts == 1
    assert merge(base, with_(b"using a::T;\n"), with_(b"using b::T;\n")).conflicts == 1
    apart = merge(
        base, with_(b"using T = int;\n"), base.replace(b"int f();\n", b"int f();\nusing T = long;\n")
    )
    assert "duplicate-definition" in _codes(apart)


def test_a_using_line_goes_while_another_comes() -> None:
    base = b"using a::x;\nusing a::y;\n\nint f();\n"
    ours, theirs = base.replace(b"using a::y;\n", b""), base.replace(b"a::y;\n", b"a::y;\nusing b::n;\n")
    assert merge(base, ours, theirs).render() == base.replace(b"using a::y;\n", b"using b::n;\n")


def test_an_arm_goes_while_another_comes() -> None:
    arm, new = b"    case 2:\n      return sub(n, n);\n", b"    // three\n    case 3:\n      return 3;\n"
    ours, theirs = BASE.replace(arm, b""), BASE.replace(arm, arm + new)
    assert merge(BASE, ours, theirs).render() == BASE.replace(arm, new)
    assert merge(BASE, theirs, ours).render() == BASE.replace(arm, new)
    edited = BASE.replace(b"return sub(n, n)", b"return sub(n, 1)")
    assert merge(BASE, ours, edited).conflicts == 1
    relabelled = BASE.replace(b"    case 2:\n", b"    case 2:\n    case 3:\n")
    result = merge(BASE, relabelled, BASE.replace(arm, arm + b"    case 3:\n      return 3;\n"))
    assert result.conflicts or "duplicate-arm" in _codes(result)


def test_no_conflict_shows_more_lines_than_gits() -> None:
    lines = (
        Resolved(b"int a;\n"),
        Conflict(b"int b;\n", b"int b1;\n", b"int b2;\n"),
        Resolved(b"int c;\nint d;\nint e;\nint f;\n"),
        Conflict(b"int g;\n", b"int g1;\n", b"int g2;\n"),
    )
    whole = MergeResult((Conflict(b"x\n" * 9, b"y\n" * 9, b"z\n" * 9),), (Note("conflict", "why"),))
    smaller = _no_larger(whole, lines)
    assert (smaller.pieces, smaller.notes) == (lines, whole.notes)
    one = MergeResult(lines[:2])
    assert _no_larger(one, lines) is one


def test_a_prototype_that_both_sides_declare_is_no_fault():
    """Once more, under a condition, it says the same; git merges it cleanly, and so does mergeguard."""
    names = ("first", "second", "third", "fourth", "fifth")
    base = "\n".join(f"void {name}(float* x, int n);\n" for name in names)
    new = "int gemm(float* a,\n         float* b);\n"
    ours = base.replace("void second", f"#ifdef USE_ROCM\n{new}#endif\n\nvoid second")
    theirs = base.replace("void fifth", f"{new}\nvoid fifth")
    result = merge(base.encode(), ours.encode(), theirs.encode())
    assert result.clean and not result.findings
    assert result.render().decode() == ours.replace("void fifth", f"{new}\nvoid fifth")


def test_statements_that_one_side_took_out_of_every_block_are_a_conflict_where_the_other_edits_them():
    """A half of a block out of it, to the outermost level of a function: the gates once stopped at that."""
    one, two = ("".join(f"    {name}{n} = work_{name}({n});\n" for n in range(4)) for name in "xy")
    base = f"int f(int n) {{\n  if (n) {{\n{one}{two}  }}\n  return n;\n}}\n"
    theirs = f"int f(int n) {{\n  if (n > 1) {{\n{one}  }}\n{two.replace('    ', '  ')}  return n;\n}}\n"
    ours = base.replace("    y1 = work_y(1);\n", "    y1 = work_y(1);\n    log(n);\n")
    for sides in ((ours, theirs), (theirs, ours)):
        result = merge(base.encode(), *(side.encode() for side in sides))
        assert result.conflicts
        assert "log(n);" in render_markers(result.pieces).decode()
