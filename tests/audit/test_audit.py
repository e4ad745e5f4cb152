"""The audit of a clean merge: each kind of trap is found, and what is no trap is not."""

from __future__ import annotations

import pytest

from mergeguard.audit import Changed, audit
from mergeguard.audit.facts import Facts, raw
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.markers import render_markers
from mergeguard.merge.result import MergeResult

INCLUDE = '#include "h.cuh"\n'
FILLER = INCLUDE + "".join(f"int filler{n}(int x) {{ return x + {n}; }}\n\n" for n in range(6))


def text(value):
    return value.encode() if isinstance(value, str) else value


def tree(files):
    return {path: text(content) for path, content in files.items()}


def merged_of(base, ours, theirs):
    """The clean merge of three trees, by lines as git has it."""
    result = {}
    for path in {*base, *ours, *theirs}:
        b, o, t = (side.get(path) for side in (base, ours, theirs))
        if o == t or t == b:
            chosen = o
        elif o == b:
            chosen = t
        else:
            assert None not in (b, o, t), path
            merge = MergeResult(merge_lines(b, o, t))
            assert merge.clean, render_markers(merge.pieces).decode()
            chosen = merge.render()
        if chosen is not None:
            result[path] = chosen
    return result


def look(base, ours, theirs, merged=None, untouched=None):
    """The findings; files that ``ours`` or ``theirs`` do not name are as in the base, None removes one."""
    base = tree(base)
    sides = [
        {p: t for p, t in {**base, **side}.items() if t is not None}
        for side in ({p: t and text(t) for p, t in changes.items()} for changes in (ours, theirs))
    ]
    result = merged_of(base, *sides) if merged is None else tree({**merged_of(base, base, base), **merged})
    versions = dict(zip(("base", "ours", "theirs", "merged"), (base, *sides, result), strict=True))
    facts: dict[bytes, Facts] = {}

    def known(content):
        return facts.setdefault(content, Facts(content))

    files = []
    for path in sorted({p for files in versions.values() for p in files}):
        if len({files.get(path) for files in versions.values()}) > 1:
            have = {v: known(files[path]) for v, files in versions.items() if path in files}
            files.append(Changed(have, dict.fromkeys(have, path)))
    rest = {p: known(t) for p, t in {**base, **tree(untouched or {})}.items()}
    rest = {p: f for p, f in rest.items() if not any(p in f_.paths.values() for f_ in files)}

    def elsewhere(names):
        names = list(names)
        return {p: f for p, f in rest.items() if any(raw(n) in f.text for n in names)}

    return audit(files, elsewhere)


def codes(*arguments, **named):
    return [finding.code for finding in look(*arguments, **named)]


A = "csrc/rocm/a.cu"
B = "csrc/rocm/b.cu"
H = "csrc/rocm/h.cuh"
OPS = "csrc/ops.h"
BIND = "csrc/torch_bindings.cpp"

# -- twice ---------------------------------------------------------------------------------------------


def test_the_second_macro_silently_wins():
    base = "#include <a>\n" + FILLER
    ours = base.replace("#include <a>\n", "#include <a>\n#define WVSPLIT_TILE 8\n")
    theirs = base + "#define WVSPLIT_TILE 16\nint last() { return WVSPLIT_TILE; }\n"
    (finding,) = look({A: base}, {A: ours}, {A: theirs})
    assert finding.code == "duplicate-macro"
    assert finding.side == "theirs"
    assert [place.line for place in finding.places] == [16, 2]
    assert "silently wins" in finding.message


@pytest.mark.parametrize(
    "second",
    [
        "#undef T\n#define T 16\n",
        "#if defined(B)\n#define T 16\n#endif\n",
    ],
    ids=["undefined before", "other condition"],
)
def test_a_macro_that_is_kept_apart_is_none(second):
    base = "#include <a>\n" + FILLER
    ours = base.replace("#include <a>\n", "#include <a>\n#if defined(A)\n#define T 8\n#endif\n")
    assert codes({A: base}, {A: ours}, {A: base + second}) == []


FUNCTIONS = "".join(f"int part{n}(int x) {{\n  int y = x + {n};\n  return y;\n}}\n\n" for n in range(5))


def inside(number, text):
    """FUNCTIONS with a line at the beginning of one of them."""
    return FUNCTIONS.replace(f"int part{number}(int x) {{\n", f"int part{number}(int x) {{\n{text}\n")


def test_a_macro_inside_a_function_of_each_side():
    ours = inside(0, "#define TILE 8")
    (finding,) = look({A: FUNCTIONS}, {A: ours}, {A: inside(4, "#define TILE 16")})
    assert (finding.code, finding.name) == ("duplicate-macro", "TILE")
    assert [place.line for place in finding.places] == [23, 2]
    apart = inside(0, "#define TILE 8\n#undef TILE")
    assert codes({A: FUNCTIONS}, {A: apart}, {A: inside(4, "#define TILE 16")}) == []


def test_a_macro_that_one_side_changes_and_the_other_defines_again():
    base = "#define WARP 32\n" + FUNCTIONS
    ours = base.replace("32", "64")
    theirs = base + "#undef WARP\n#define WARP 16\nint last() { return WARP; }\n"
    (finding,) = look({A: base}, {A: ours}, {A: theirs})
    assert finding.code == "duplicate-macro" and "changed what it is" in finding.message


def test_a_local_and_a_member_of_both_sides():
    body = "void f() {\n  one();\n  two();\n  three();\n  four();\n}\n"
    ours = body.replace("  one();", "  float extra = 1.f;\n  one();")
    theirs = body.replace("  four();", "  four();\n  int extra = 2;")
    (finding,) = look({A: body}, {A: ours}, {A: theirs})
    assert (finding.code, finding.name) == ("duplicate-name", "extra")
    assert [place.line for place in finding.places] == [7, 2]
    # In two loops they do not meet.
    ours = body.replace("  one();", "  for (int lane = 0;;) one(lane);\n  one();")
    theirs = body.replace("  four();", "  four();\n  for (int lane = 1;;) four(lane);")
    assert codes({A: body}, {A: ours}, {A: theirs}) == []


def test_an_alias_an_instantiation_and_a_return_type_of_both_sides():
    for first, second, name in (
        ("using vec_t = float4;\n", "using vec_t = half2;\n", "vec_t"),
        ("template void run<half>(half);\n", "template void run<half>(half);\n", "run"),
        ("int fresh(int a) { return a; }\n", "float fresh(int a) { return a; }\n", "fresh"),
    ):
        (finding,) = look({A: FUNCTIONS}, {A: first + FUNCTIONS}, {A: FUNCTIONS + second})
        assert (finding.code, finding.name) == ("duplicate-definition", name)


def test_a_macro_undefined_before_a_new_use():
    base = "#define TILE 8\n" + FUNCTIONS
    ours = base.replace("int part1", "#undef TILE\nint part1")
    theirs = base + "int last() { return TILE; }\n"
    (finding,) = look({A: base}, {A: ours}, {A: theirs})
    assert (finding.code, finding.name) == ("gone-name", "TILE")


def test_a_macro_is_gone_before_a_new_comparison_with_it():
    base = "#define WARP 32\n" + FUNCTIONS
    ours = FUNCTIONS
    theirs = base + "void last(Params p) {\n  if (p.m > WARP) return;\n}\n"
    (finding,) = look({A: base}, {A: ours}, {A: theirs})
    assert (finding.code, finding.name) == ("gone-name", "WARP")


def test_an_include_in_the_other_side_s_namespace():
    ours = FUNCTIONS.replace("int part1", "namespace fork {\nint part1") + "}  // namespace fork\n"
    theirs = FUNCTIONS.replace("int part3", '#include "part3.h"\nint part3')
    (finding,) = look({A: FUNCTIONS}, {A: ours}, {A: theirs})
    assert (finding.code, finding.name, finding.side) == ("swallowed-include", '"part3.h"', "theirs")


def test_one_label_in_two_spellings():
    theirs = SWITCH.replace("    case 2:", "    case 0x10:\n      return b();\n    case 2:")
    ours = SWITCH.replace("    case 8:", "    case 16:\n      return a();\n    case 8:")
    assert codes({A: SWITCH}, {A: ours}, {A: theirs}) == ["duplicate-arm"]


def test_a_definition_that_both_sides_brought():
    base = FILLER
    new = "static int helper(int x) { return x * 2; }\n"
    ours = new + base + "int use1() { return helper(1); }\n"
    theirs = base.replace(
        "int filler3", new.replace("* 2", "* 3") + "int t() { return helper(3); }\nint filler3"
    )
    found = look({A: base}, {A: ours}, {A: theirs})
    assert [f.code for f in found] == ["duplicate-definition"]
    assert found[0].name == "helper"


def test_an_overload_is_no_double():
    base = FILLER
    ours = "static int helper(int x) { return x; }\n" + base
    theirs = base + "static int helper(float x) { return x; }\nint t() { return helper(3.f); }\n"
    assert codes({A: base}, {A: ours}, {A: theirs}) == []


def test_a_double_that_one_side_had_already_is_not_the_merge_s():
    base = FILLER
    theirs = base + "#define T 1\nint z() { return T; }\n#define T 2\n"
    assert codes({A: base}, {A: "// local\n" + base}, {A: theirs}) == []


def test_an_external_function_in_two_files_of_a_folder():
    new = "void launch_new(int x) {{ run({0}); }}\n"
    found = look({A: FILLER, B: FILLER}, {A: FILLER + new.format(1)}, {B: FILLER + new.format(2)})
    assert [f.code for f in found] == ["duplicate-definition"]
    assert {place.path for place in found[0].places} == {A, B}


def test_static_functions_of_two_files_do_not_meet():
    new = "static void launch_new(int x) {{ run({0}); }}\nint u{0}() {{ launch_new(1); }}\n"
    assert codes({A: FILLER, B: FILLER}, {A: FILLER + new.format(1)}, {B: FILLER + new.format(2)}) == []


def test_a_macro_in_a_file_and_in_a_header_that_it_includes():
    base = {A: '#include "h.cuh"\n' + FILLER, H: "#pragma once\nint h();\n"}
    found = look(base, {A: base[A] + "#define TILE 1\n"}, {H: base[H] + "#define TILE 2\n"})
    assert [f.code for f in found] == ["duplicate-macro"]


def test_a_macro_in_two_headers_that_an_unchanged_file_includes():
    second = "csrc/rocm/g.cuh"
    base = {second: "#pragma once\nint g();\n", H: "#pragma once\nint h();\n"}
    both = {"csrc/rocm/main.cu": '#include "g.cuh"\n#include "h.cuh"\n'}
    ours, theirs = {second: base[second] + "#define TILE 1\n"}, {H: base[H] + "#define TILE 2\n"}
    assert codes(base, ours, theirs, untouched=both) == ["duplicate-macro"]
    assert codes(base, ours, theirs) == []


SWITCH = """int pick(int n) {
  switch (n) {
    case 1:
      return one();
    case 2:
      return two();
    case 4:
      return four();
    case 8:
      return eight();
  }
  return 0;
}
"""


def test_a_case_arm_that_both_sides_brought():
    base = FILLER + SWITCH
    ours = base.replace("    case 2:", "    case 16:\n      return ours();\n    case 2:")
    theirs = base.replace("  }\n  return 0", "    case 16:\n      return theirs();\n  }\n  return 0")
    found = look({A: base}, {A: ours}, {A: theirs})
    assert [f.code for f in found] == ["duplicate-arm"]
    assert "case 16" in found[0].message
    assert [p.line for p in found[0].places] == [26, 18]


def test_a_case_arm_in_a_macro_and_in_a_chain():
    macro = "#define PICK(n) \\\n" + "".join(line + " \\\n" for line in SWITCH.splitlines()[1:-2]) + "\n"
    ours = macro.replace("    case 2:", "    case 16: \\\n      return ours(); \\\n    case 2:")
    theirs = macro.replace("  } \\\n\n", "    case 16: \\\n      return theirs(); \\\n  } \\\n\n")
    assert theirs != macro
    assert codes({A: FILLER + macro}, {A: FILLER + ours}, {A: FILLER + theirs}) == ["duplicate-arm"]
    chain = (
        "int c(int n) {\n  if (n == 1) {\n    return a();\n  } else if (n == 2) {\n    return b();\n"
        "  } else if (n == 4) {\n    return d();\n  }\n  return 0;\n}\n"
    )
    arm = "  } else if (n == 9) {\n    return {};\n"
    ours = chain.replace("  } else if (n == 2)", arm.replace("{}", "o()") + "  } else if (n == 2)")
    theirs = chain.replace("  }\n  return 0", arm.replace("{}", "t()") + "  }\n  return 0")
    assert codes({A: FILLER + chain}, {A: FILLER + ours}, {A: FILLER + theirs}) == ["duplicate-arm"]


# -- gone ----------------------------------------------------------------------------------------------

HELPER = """static __device__ int reduce(int x, int y) {
  int sum = x + y;
  for (int i = 0; i < 4; ++i) sum += shuffle(sum, i);
  return sum;
}
"""
USE = "__global__ void mine(int* p) { *p = reduce(1, 2); }\n"


def test_a_renamed_function_and_a_new_use_of_the_old_name():
    base = {H: HELPER + FILLER, A: FILLER}
    theirs = {H: base[H].replace("reduce(", "warp_reduce(")}
    (finding,) = look(base, {A: FILLER + USE}, theirs)
    assert (finding.code, finding.name, finding.side) == ("gone-name", "reduce", "ours")
    assert "renamed" in finding.message and "warp_reduce" in finding.hint
    assert [(p.version, p.path) for p in finding.places] == [("merged", A), ("base", H), ("theirs", H)]


def test_the_sides_are_treated_alike():
    base = {H: HELPER + FILLER, A: FILLER}
    ours = {H: base[H].replace("reduce(", "warp_reduce(")}
    (finding,) = look(base, ours, {A: FILLER + USE})
    assert (finding.code, finding.side) == ("gone-name", "theirs")


@pytest.mark.parametrize(
    ("declaration", "use"),
    [
        ("#define LIMIT 8\n", "int n() { return LIMIT; }\n"),
        ("struct Shape { int x; };\n", "int n(const Shape& s) { return s.x; }\n"),
        ("using vec_t = int4;\n", "int n() { vec_t v; return v.x; }\n"),
        ("static constexpr int kWarp = 64;\n", "int n() { return kWarp; }\n"),
        ("enum class Fmt { kA, kOld };\n", "int n() { return int(Fmt::kOld); }\n"),
    ],
    ids=["macro", "type", "alias", "variable", "enumerator"],
)
def test_anything_removed_and_newly_used(declaration, use):
    base = {H: declaration + FILLER, A: FILLER}
    gone = "enum class Fmt { kA };\n" if "kOld" in declaration else ""
    assert codes(base, {A: FILLER + use}, {H: gone + FILLER}) == ["gone-name"]


def test_a_name_that_moved_is_not_gone():
    base = {H: HELPER + FILLER, A: FILLER}
    assert codes(base, {A: FILLER + USE}, {H: FILLER, "csrc/rocm/new.cuh": HELPER}) == []
    other = {"csrc/rocm/second.cuh": HELPER.replace("int x, int y", "float x, float y")}
    assert codes(base, {A: FILLER + USE}, {H: FILLER}, untouched=other) == []


def test_a_local_of_the_same_name_is_no_use():
    base = {H: HELPER + FILLER, A: FILLER}
    mine = "int mine() { int reduce = 1; return reduce; }\nint m2(Obj o) { return o.reduce(1); }\n"
    assert codes(base, {A: FILLER + mine}, {H: FILLER}) == []


def test_a_local_that_one_side_renamed_and_the_other_newly_uses():
    body = "void f(int* p) {\n  int count = p[0];\n  p[1] = count;\n\n\n  p[2] = 0;\n\n\n  p[3] = 1;\n}\n"
    theirs = body.replace("count", "total")
    ours = body.replace("  p[3] = 1;\n", "  p[3] = 1;\n  p[4] = count;\n")
    found = look({A: FILLER + body}, {A: FILLER + ours}, {A: FILLER + theirs})
    assert [(f.code, f.name) for f in found] == [("gone-name", "count")]


def test_a_member_that_the_user_s_side_has_in_a_copy_of_the_file_is_not_gone():
    shape = "struct Shape { int old_width; };\n"
    base = {H: shape, A: '#include "h.cuh"\n' + FILLER}
    copied = {"csrc/new/h.cuh": shape, "csrc/new/a.cu": base[A] + "int w(Shape s) { return s.old_width; }\n"}
    assert codes(base, {H: None, A: FILLER}, copied) == []


def test_an_included_file_that_went_away():
    base = {H: HELPER, A: CALLER}
    found = look(base, {A: INCLUDE + CALLER}, {H: None})
    assert [f.code for f in found] == ["gone-file"]


def test_a_name_that_is_declared_in_one_file_and_defined_in_another():
    header, own = "csrc/a_first.h", "int entry();\nint gone_one(int x);\n"
    base = {header: own, A: CALLER + "int gone_one(int x) {\n  return x;\n}\n"}
    theirs = {header: "int entry();\n", A: CALLER}
    assert codes(base, {A: "int mine() { return gone_one(1); }\n" + base[A]}, theirs) == ["gone-name"]


def test_a_name_of_a_file_that_is_not_included_is_another():
    base = {H: HELPER, "csrc/rocm/other.cuh": "int o();\n", A: CALLER}
    mine = '#include "other.cuh"\n' + CALLER + USE
    assert codes(base, {A: mine}, {H: "int h();\n"}) == []


def test_a_name_of_another_namespace_is_another():
    base = {H: f"namespace vllm {{\n{HELPER}}}\n", A: FILLER}
    theirs = {H: "namespace vllm {\n}\n"}
    assert codes(base, {A: FILLER + USE.replace("reduce(", "cub::reduce(")}, theirs) == []
    assert codes(base, {A: FILLER + USE.replace("reduce(", "vllm::reduce(")}, theirs) == ["gone-name"]


# -- signatures ----------------------------------------------------------------------------------------


def test_a_new_call_of_a_function_that_takes_more_now():
    base = {H: HELPER + FILLER, A: FILLER}
    theirs = {H: base[H].replace("int x, int y)", "int x, int y, unsigned mask)")}
    (finding,) = look(base, {A: FILLER + USE}, theirs)
    assert finding.code == "changed-signature"
    assert "the call has 2 arguments" in finding.message
    assert [p.version for p in finding.places] == ["merged", "theirs"]


def test_parameters_of_another_type_and_a_launch():
    kernel = "template <typename T>\n__global__ void k(const T* a, int n) { a[n]; }\n"
    base = {H: kernel + FILLER, A: FILLER}
    theirs = {H: base[H].replace("int n)", "int64_t* n)")}
    assert codes(base, {A: FILLER + "void go(float* p) { k<float><<<1, 2>>>(p, 3); }\n"}, theirs) == [
        "changed-signature"
    ]


def test_a_parameter_renamed_or_with_a_default_is_no_other_signature():
    base = {H: HELPER + FILLER, A: FILLER}
    renamed = {H: base[H].replace("int x, int y)", "int left, int y)").replace("x + y", "left + y")}
    assert codes(base, {A: FILLER + USE}, renamed) == []
    longer = {H: base[H].replace("int y)", "int y, int z = 0)")}
    assert codes(base, {A: FILLER + USE}, longer) == []


def test_a_call_that_fits_the_new_parameters_only():
    base = {H: HELPER + FILLER, A: FILLER}
    theirs = {H: base[H].replace("int x, int y)", "int x, int y, unsigned mask)")}
    assert codes(base, {A: FILLER + USE.replace("(1, 2)", "(1, 2, 3)")}, theirs) == []


# -- edits without effect ------------------------------------------------------------------------------

CALLER = "int entry(int x) {\n  return tuned(x);\n}\n"
TUNED = "static int tuned(int x) {\n  return x * 4;\n}\n"


def test_an_edit_in_what_nothing_calls_any_more():
    base = TUNED + FILLER + CALLER
    ours = base.replace("x * 4", "x * 4 + fast(x)")
    theirs = base.replace("return tuned(x);", "return rewritten(x);") + "int rewritten(int x) { return 1; }\n"
    (finding,) = look({A: base}, {A: ours}, {A: theirs})
    assert (finding.code, finding.name, finding.side) == ("unused-edit", "tuned", "ours")
    assert [p.line for p in finding.places] == [1, 18]


def test_it_is_no_dead_edit_while_anything_uses_it():
    base = TUNED + FILLER + CALLER
    ours = base.replace("x * 4", "x * 4 + fast(x)")
    theirs = base.replace("return tuned(x);", "return 0;")
    used = {"csrc/rocm/u.cu": "int u() { return tuned(3); }\n"}
    assert codes({A: base}, {A: ours}, {A: theirs}, untouched=used) == []
    assert codes({A: base}, {A: base + "// comment\n"}, {A: theirs}) == []


def test_an_edit_overwritten_by_a_rewrite():
    base = FILLER + TUNED + CALLER
    ours = base.replace("x * 4", "x * FORK_FACTOR")
    theirs = base.replace("x * 4", "vectorized(x)")
    (finding,) = look({A: base}, {A: ours}, {A: theirs}, merged={A: theirs})
    assert (finding.code, finding.name, finding.side) == ("overwritten-edit", "tuned", "ours")
    assert "FORK_FACTOR" in finding.message


def test_lines_that_neither_side_removed():
    base = FILLER + TUNED + CALLER
    theirs = FILLER + TUNED + "int added(int y) { return y; }\n" + CALLER
    ours = base.replace("x * 4", "x * 5")
    found = look({A: base}, {A: ours}, {A: theirs}, merged={A: ours})
    assert [(f.code, f.name, f.side) for f in found] == [("lost-lines", "added", "theirs")]


def test_lines_that_are_there_twice():
    base = FILLER + CALLER
    ours = base.replace("return tuned(x);", "log(x);\n  return tuned(x);")
    merged = base.replace("return tuned(x);", "log(x);\n  log(x);\n  return tuned(x);") + "// theirs\n"
    found = look({A: base}, {A: ours}, {A: base + "// theirs\n"}, merged={A: merged})
    assert [(f.code, f.name, f.side) for f in found] == [("doubled-lines", "entry", "ours")]


def test_a_removal_that_is_undone():
    base = FILLER + "int old_one(int q) { return q; }\n" + CALLER
    ours = FILLER + CALLER
    theirs = base.replace("x + 3", "x + 33")
    found = look({A: base}, {A: ours}, {A: theirs}, merged={A: theirs})
    assert [(f.code, f.name, f.side) for f in found] == [("undone-removal", "old_one", "ours")]


def test_code_that_moved_to_another_file_is_not_lost():
    base = FILLER + TUNED + CALLER
    ours = base.replace("x * 4", "x * FORK_FACTOR")
    theirs = FILLER + CALLER
    moved = TUNED.replace("x * 4", "x * FORK_FACTOR")
    assert codes({A: base}, {A: ours}, {A: theirs, H: TUNED}, merged={A: theirs, H: moved}) == []


MACRO = "#define SCALE(x) \\\n  do { \\\n    scale(x, 2); \\\n  } while (0)\n\n"


@pytest.mark.parametrize(
    "edit", [("scale(x, 2)", "scale(x, 2, MODE)"), ("  } while", "    sync(x); \\\n  } while")]
)
def test_an_edit_that_is_made_in_each_copy(edit):
    base = MACRO + FILLER + CALLER
    theirs = MACRO.replace(*edit) + FILLER + CALLER
    copied = {A: CALLER, B: MACRO + FILLER, H: MACRO + "int half(int x);\n"}
    merged = {path: text.replace(*edit) for path, text in copied.items()}
    assert codes({A: base}, copied, {A: theirs}, merged=merged) == []
    # Twice in one of the copies is once too often, and in no other place is it looked away from.
    merged[H] = (
        merged[H].replace("scale(", "scale(x); \\\n  scale(", 1).replace("sync(x);", "sync(x); sync(x);")
    )
    assert codes({A: base}, copied, {A: theirs}, merged=merged) != []


def test_the_same_edit_of_both_sides_counts_once():
    base = FILLER + TUNED + CALLER
    both = base.replace("x * 4", "x * 5")
    ours, theirs = both.replace("x + 1", "x + 11"), both.replace("tuned(x);\n", "tuned(x + 5);\n")
    assert codes({A: base}, {A: ours}, {A: theirs}) == []


# -- guards --------------------------------------------------------------------------------------------


def test_a_guard_that_vanished():
    base = FILLER + TUNED + CALLER
    ours = base.replace(TUNED, "#ifndef USE_ROCM\n" + TUNED + "#endif\n")
    found = look({A: base}, {A: ours}, {A: base + "int t();\n"}, merged={A: base + "int t();\n"})
    assert next((f.code, f.name, f.side) for f in found) == ("lost-guard", "tuned", "ours")


def test_a_template_argument_that_vanished():
    base = FILLER + "template <typename T>\n" + TUNED + CALLER
    ours = base.replace("<typename T>", "<typename T, bool HAS_BIAS>")
    found = look({A: base}, {A: ours}, {A: base + "int t();\n"}, merged={A: base + "int t();\n"})
    assert found[0].code == "lost-guard"
    assert "HAS_BIAS" in found[0].message


def test_an_edited_guard_over_an_edit():
    base = FILLER + "#if defined(GFX9)\n" + TUNED + "int a;\nint b;\nint c;\nint d;\n#endif\n"
    ours = base.replace("int d;", "int d = fast();")
    theirs = base.replace("defined(GFX9)", "defined(GFX9) && !defined(GFX950)")
    assert codes({A: base}, {A: ours}, {A: theirs}) == ["guard-changed"]


# -- registrations -------------------------------------------------------------------------------------

BINDINGS = """TORCH_LIBRARY_EXPAND(_C, ops) {
  ops.def("scale(Tensor! out, Tensor a) -> ()");
  ops.impl("scale", torch::kCUDA, &scale);

  ops.def("shift(Tensor! out) -> ()");
  ops.impl("shift", torch::kCUDA, &shift);

  ops.def("third(Tensor! out) -> ()");
  ops.impl("third", torch::kCUDA, TORCH_BOX(&third));
}
"""
DECLARED = (
    "void scale(Tensor& out, const Tensor& a);\n\n\nvoid shift(Tensor& out);\n\n\nvoid third(Tensor& out);\n"
)
DEFINED = "\n\n".join(
    f"void {n}{p} {{\n  launch_{n}();\n}}\n"
    for n, p in (
        ("scale", "(Tensor& out, const Tensor& a)"),
        ("shift", "(Tensor& out)"),
        ("third", "(Tensor& out)"),
    )
)
ALL = {BIND: BINDINGS, OPS: DECLARED, A: DEFINED}


def test_a_registration_of_what_the_other_side_removed():
    ours = {BIND: BINDINGS.replace("}\n", '  ops.impl("scale", torch::kCPU, &scale);\n}\n')}
    theirs = {
        BIND: BINDINGS.replace('  ops.impl("scale", torch::kCUDA, &scale);\n', ""),
        OPS: DECLARED.split("\n", 1)[1],
        A: DEFINED.split("\n\n", 1)[1],
    }
    found = look(ALL, ours, theirs)
    assert [f.code for f in found] == ["undefined-registration"]
    assert (found[0].name, found[0].side, found[0].places[0].path) == ("scale", "ours", BIND)


def test_a_registration_without_its_schema():
    ours = {BIND: BINDINGS.replace("}\n", '  ops.impl("scale", torch::kCPU, &scale);\n}\n')}
    theirs = {
        BIND: BINDINGS.replace(
            '  ops.def("scale(Tensor! out, Tensor a) -> ()");\n  ops.impl("scale", torch::kCUDA, &scale);\n',
            "",
        )
    }
    assert codes(ALL, ours, theirs) == ["undefined-registration"]


def test_a_registration_that_both_sides_brought():
    new = '  ops.def("fresh(Tensor a) -> ()");\n'
    ours = {BIND: BINDINGS.replace("  ops.def", new + "  ops.def", 1)}
    theirs = {BIND: BINDINGS.replace("}\n", new + "}\n")}
    assert codes(ALL, ours, theirs) == ["duplicate-registration"]


def test_a_registration_that_got_lost():
    ours = {
        BIND: BINDINGS.replace("}\n", '  ops.impl("mine", torch::kCUDA, &mine);\n}\n'),
        OPS: DECLARED + "void mine();\n",
        A: DEFINED + "void mine() {\n  launch_mine();\n}\n",
    }
    theirs = {BIND: BINDINGS.replace("shift(Tensor!", "shift(Tensor?")}
    found = look(ALL, ours, theirs, merged={**ours, **theirs})
    assert found[0].code == "lost-registration"
    assert found[0].name == "mine"


def test_retiring_an_operator_is_no_finding():
    theirs = {
        BIND: BINDINGS.replace('  ops.def("third(Tensor! out) -> ()");\n', "").replace(
            '  ops.impl("third", torch::kCUDA, TORCH_BOX(&third));\n', ""
        )
    }
    assert codes(ALL, {A: "// fork\n" + DEFINED}, theirs) == []


# -- nothing -------------------------------------------------------------------------------------------


def test_a_merge_of_nothing_and_arbitrary_bytes():
    assert codes({A: FILLER}, {A: "// x\n" + FILLER}, {}) == []
    broken = b'#if 0\n\xff\xfe{{{ ((( \x00 #define\n/* "\n'
    assert (
        codes(
            {A: broken + b"a\n" * 9}, {A: b"int x;\n" + broken + b"a\n" * 9}, {A: broken + b"a\n" * 9 + b"}"}
        )
        == []
    )
