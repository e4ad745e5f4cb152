"""Rules that name what stands in a block (emission 3), on small files. Their laws: ``test_strategies``."""

from __future__ import annotations

from functools import lru_cache

import pytest

from mergeguard.errors import RuleMismatch
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import Rule, parse_rule
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare
from tests.support import layouts
from tests.support.layouts import findings, proved

FOLDER = layouts.ROOT / "fixtures" / "blocks"

HEAD = """
schema = 1
monolith = "m.cpp"

[[move]]
to = "common.h"
items = ["include *"]

[[move]]
to = "kernel.h"
needed = true
"""
KERNEL = "template <int N>\nint kernel(int p) { return p * N; }\n"
ARMS = """  switch (n) {
    case 1: *out = kernel<1>(p); break;
    case 2: *out = kernel<2>(p) + helper(p); break;
    default: *out = -1;
  }
"""


@lru_cache
def _rule(text: str) -> Rule:
    return parse_rule(text.encode(), "rule.toml")


def partition(text: str, entry: str, function: str = "", head: str = HEAD) -> Layout:
    """The layout of a small file whose ``switch (n)`` is dealt; and proved by tokens."""
    rule = _rule(
        f'{head}\n[[partition]]\nentry = "{entry}"\nover = {{ in = "{function or entry}", switch = "n" }}\n'
        'body = "body.h"\nrest = "two.cpp"\n[partition.shards]\n"one.cpp" = [1]\n"two.cpp" = [2]\n'
    )
    return proved(rule, "m.cpp", text.encode())


def file(layout: Layout, name: str) -> str:
    return layout.by_path[f"m/{name}" if name else "m.cpp"].text.decode()


# -- a partition in a namespace -----------------------------------------------------------------------


def test_only_a_rule_that_asks_for_it_has_the_new_emission():
    assert emission_of(_rule((FOLDER / "reduce.toml").read_text())) == 3
    assert emission_of(_rule((layouts.ROOT / "rules/vllm/attention.toml").read_text())) < 3


def test_text_is_read_in_its_own_namespace():
    code = "namespace app::v1 {\n" + KERNEL + "static int helper(int p) { return p; }\n"
    code += "void run(int n, int p, int* out) {\n" + ARMS + "}\n}\n"
    layout = partition(code, "app::v1::run")
    assert "namespace app::v1 {  // MG_SCOPE\nnamespace MG_NS {  // MG_SCOPE\n" in file(layout, "body.h")
    assert "using namespace ::app::v1::MG_NS;" in file(layout, "body.h")
    assert "namespace app::v1 {\n\nvoid run(" in file(layout, "")


def test_an_anonymous_namespace_is_none_of_its_own_for_a_shard():
    code = (
        "namespace {\n" + KERNEL + "int helper(int p) { return p; }\nvoid launch(int n, int p, int* out) {\n"
    )
    code += ARMS + "}\n}  // namespace\nvoid run(int n, int p, int* out) { launch(n, p, out); }\n"
    layout = partition(code, "::run", "::launch")
    body = file(layout, "body.h")
    assert body.index("namespace {  // MG_SCOPE") < body.index("void launch") < body.index("namespace MG_NS")
    assert "using namespace ::MG_NS;" in body


def test_what_other_files_may_call_stays_and_is_declared():
    code = "namespace app {\n" + KERNEL + "int helper(int p) { return p; }\n"
    code += "void run(int n, int p, int* out) {\n" + ARMS + "}\n}\n"
    layout = partition(code, "app::run")
    assert "int helper(int p) { return p; }" in file(layout, "")
    assert "int helper(int);  // MG_DECLARATION" in file(layout, "kernel.h").replace("int p", "int")


def test_using_lines_in_force_come_along():
    code = "namespace lib {\n" + KERNEL + "inline int helper(int p) { return p; }\n}\nnamespace app {\n"
    code += "using namespace lib;\nusing lib::helper;\nvoid run(int n, int p, int* out) {\n" + ARMS + "}\n}\n"
    kernel = file(partition(code, "app::run"), "kernel.h")
    assert "using namespace lib;" in kernel and "using lib::helper;" in kernel


def test_an_object_that_the_file_keeps_to_itself_is_named():
    code = (
        "namespace app {\nstatic int count;\n" + KERNEL + "static int helper(int p) { return ++count + p; }\n"
    )
    code += "void run(int n, int p, int* out) {\n" + ARMS + "}\n}\n"
    with pytest.raises(RuleMismatch, match="`app::count`, one object that the file keeps to itself"):
        partition(code, "app::run")
    layout = partition(code, "app::run", head='interface = "thin"\n' + HEAD)
    assert "static int count;" in file(layout, "") and "return ::app::helper(p);" in file(layout, "")


@pytest.mark.parametrize(
    ("function", "entry"),
    [
        ("struct Foo { void run(int n, int p, int* out); };\nvoid Foo::run(", "app::Foo::run"),
        ("static void run(", "app::run"),
        ("}\nnamespace app {\nnamespace {\nvoid run(", "app::run"),
    ],
)
def test_what_no_shard_can_be_called_by_is_thin(function, entry):
    end = "}\n" if "namespace" in function else ""
    code = "namespace app {\n" + KERNEL + "int helper(int p) { return p; }\n" + function
    code += "int n, int p, int* out) {\n" + ARMS + "}\n" + end + "}\n"
    with pytest.raises(RuleMismatch):
        partition(code, entry)
    layout = partition(code, entry, head='interface = "thin"\n' + HEAD)
    assert "/* MG_LAUNCH" in file(layout, "") and "switch (n)" in file(layout, "body.h")


def test_a_function_outside_of_its_namespace_reads_names_in_it():
    code = "namespace app {\nvoid run(int n, int p, int* out);\n" + KERNEL
    code += (
        "inline int helper(int p) { return p; }\n}\nvoid app::run(int n, int p, int* out) {\n" + ARMS + "}\n"
    )
    body = file(partition(code, "app::run", head='interface = "thin"\n' + HEAD), "body.h")
    assert "namespace app {  // MG_SCOPE\nnamespace MG_NS {" in body


def test_an_overload_that_the_shards_own_would_hide_is_named():
    code = "namespace app {\n" + KERNEL + "inline int helper(int p) { return p; }\nvoid run(double d);\n"
    code += "void run(int n, int p, int* out) {\n  run(0.5);\n" + ARMS + "}\n}\n"
    with pytest.raises(RuleMismatch, match="hide"):
        partition(code, "app::run")


# -- instantiations in a namespace --------------------------------------------------------------------


def test_instantiations_are_dealt_in_their_namespace():
    code = "namespace app {\ntemplate <typename T>\nT twice(T v) { return 2 * v; }\n"
    code += "template int twice<int>(int);\ntemplate float twice<float>(float);\n"
    code += "int use(int a) { return twice<int>(a); }\n}\n"
    rule = _rule(
        HEAD.replace("needed", 'items = ["template app::twice"]\nneeded')
        + '[[instantiate]]\ntemplate = "app::twice"\nheader = "kernel.h"\nrest = "one.cpp"\n'
        + '[instantiate.shards]\n"one.cpp" = ["int"]\n"two.cpp" = ["float"]\n'
    )
    layout = split(rule, "m", "m.cpp", code.encode())
    assert findings(layout) == []
    two = file(layout, "two.cpp")
    assert "namespace app {  // MG_SCOPE\ntemplate float twice<float>(float);\n}  // MG_SCOPE\n" in two
    entry = file(layout, "")
    assert "T twice( T v);  // MG_DECLARATION" in entry and "kernel.h" not in entry


TWICE = "template <typename T>\nvoid twice(T* v) { *v = 2 * *v; }\n"
SPECIAL = "template <typename T>\nvoid twice(T* v);\n"
SPECIAL += (
    "template <> void twice<int>(int* v) { *v *= 2; }\ntemplate <> void twice<float>(float* v) { *v *= 3; }\n"
)


@pytest.mark.parametrize(
    ("code", "globs"),
    [
        pytest.param(
            TWICE + "template void twice(int*);\ntemplate void twice(float* v);\n", "%s*", id="deduced"
        ),
        pytest.param(
            TWICE + "#define INST(T) template void twice<T>(T*)\nINST(int);\nINST(float);\n", "%s", id="macro"
        ),
        pytest.param(SPECIAL, "%s", id="specialisation"),
    ],
)
@pytest.mark.parametrize("space", ["", "app::"])
def test_instantiations_in_other_words_are_dealt(code, globs, space):
    code += "void use(int a) { twice<int>(&a); }\n"
    code = f"namespace app {{\n{code}}}\n" if space else code
    rule = _rule(
        HEAD.replace("needed", f'items = ["template {space}twice?", "declaration {space}twice?"]\nneeded')
        + f'[[instantiate]]\ntemplate = "{space or "::"}twice"\nheader = "kernel.h"\nrest = "one.cpp"\n'
        + f'[instantiate.shards]\n"one.cpp" = ["{globs % "int"}"]\n"two.cpp" = ["{globs % "float"}"]\n'
    )
    layout = split(rule, "m", "m.cpp", code.encode())
    assert findings(layout) == []
    one, two = file(layout, "one.cpp"), file(layout, "two.cpp")
    assert "int" in one and "float" not in one and "float" in two
    if "<>" in code:  # who calls a specialisation has to see it
        assert "template <> void twice<int>(int*" in file(layout, "kernel.h")
        assert '#include "m/kernel.h"' in file(layout, "")


def test_an_entry_that_sees_the_template_does_not_instantiate_it():
    code = (
        "namespace app {\n" + TWICE + "template void twice<int>(int*);\ntemplate void twice<float>(float*);\n"
    )
    code += "template <typename T> T other(T v) { return v; }\nvoid use(int a) { twice(&a); other(a); }\n}\n"
    rule = _rule(
        HEAD.replace("needed", 'items = ["template *"]\nneeded')
        + '[[instantiate]]\ntemplate = "app::twice"\nheader = "kernel.h"\nrest = "one.cpp"\n'
        + '[instantiate.shards]\n"one.cpp" = ["int"]\n"two.cpp" = ["float"]\n'
    )
    layout = split(rule, "m", "m.cpp", code.encode())
    assert findings(layout) == []
    assert "extern template void twice<int>(int*);  // MG_DECLARATION" in file(layout, "")


def test_a_refusal_does_not_deny_what_is_there():
    code = "namespace app {\n" + TWICE + "template void twice(int*);\n}\n"
    rule = _rule(
        HEAD.replace("needed", 'items = ["template twice?"]\nneeded')
        + '[[instantiate]]\ntemplate = "twice"\nheader = "kernel.h"\nrest = "one.cpp"\n'
        + '[instantiate.shards]\n"one.cpp" = ["int"]\n'
    )
    with pytest.raises(RuleMismatch, match="`app::twice` is, inside"):
        split(rule, "m", "m.cpp", code.encode())


# -- text of any kind, dealt where it stands ----------------------------------------------------------

VALUES = ARMS.replace("*out =", "return").replace(" break;", "")
THIN = 'interface = "thin"\n' + HEAD


@pytest.mark.parametrize(
    ("head", "arms", "inside"),
    [
        pytest.param("static int run(int n, int p) {", VALUES, "return m::", id="values"),
        pytest.param("static void run(int n, int& p, int* out) {", ARMS, "int& p", id="references"),
        pytest.param(
            "static int run(int k, int p) {\n  int sum = 0;\n  int n = k + 1;\n  int* out = &sum;",
            ARMS + "  return sum;",
            "int*& out",
            id="locals",
        ),
    ],
)
def test_what_the_text_uses_is_handed_to_it(head, arms, inside):
    code = "namespace app {\n" + KERNEL + "int helper(int p) { return p; }\n" + head + "\n" + arms + "}\n}\n"
    layout = partition(code, "app::run", head=THIN)
    text = file(layout, "") + file(layout, "body.h")
    assert inside in text.replace("mergeguard_m_one::", "m::")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (
            "static void run(int n, int* out) {\n  for (int p = 0; p < 3; ++p) {",
            "whose declaration can't be read",
        ),
        (
            "static void run(int n, int* out) {\n  auto [p, q] = pair(n);\n  {",
            "whose declaration can't be read",
        ),
        (
            "struct Foo { int p; void run(int n, int* out); };\nvoid Foo::run(int n, int* out) {\n  {",
            "a member of",
        ),
        ("static void run(int n, int* out) {\n  const auto p = pair(n);\n  {", "the type of `p`"),
    ],
)
def test_what_tokens_can_not_tell_of_a_name_is_refused(head, reason):
    code = (
        "namespace app {\n"
        + KERNEL
        + "int helper(int p) { return p; }\n"
        + head
        + "\n"
        + ARMS
        + "  }\n}\n}\n"
    )
    with pytest.raises(RuleMismatch, match=reason):
        partition(code, "app::Foo::run" if "Foo" in head else "app::run", head=THIN)


def test_a_choice_that_changes_something_is_not_asked_for_twice():
    code = "namespace app {\n" + KERNEL + "int helper(int p) { return p; }\n"
    code += "static void run(int n, int p, int* out) {\n" + ARMS.replace("(n)", "(n++)") + "}\n}\n"
    rule = THIN + '\n[[partition]]\nentry = "app::run"\nover = { in = "app::run", switch = "n ++" }\n'
    rule += 'body = "body.h"\nrest = "two.cpp"\n[partition.shards]\n"one.cpp" = [1]\n'
    with pytest.raises(RuleMismatch, match="changes something"):
        split(_rule(rule), "m", "m.cpp", code.encode())


# -- labels and names ---------------------------------------------------------------------------------


def test_a_label_that_no_arm_has_is_an_error_unless_it_may_be_missing():
    code = "namespace app {\n" + KERNEL + "inline int helper(int p) { return p; }\n"
    code += "void run(int n, int p, int* out) {\n" + ARMS + "}\n}\n"
    text = f'{HEAD}\n[[partition]]\nentry = "app::run"\nover = {{ in = "app::run", switch = "n" }}\n'
    text += 'body = "body.h"\nrest = "two.cpp"\n[partition.shards]\n"one.cpp" = [1, 7]\n"two.cpp" = [2]\n'
    with pytest.raises(RuleMismatch, match="no arm has the label `7`"):
        split(_rule(text), "m", "m.cpp", code.encode())
    assert split(_rule(text.replace("7", '"7?"')), "m", "m.cpp", code.encode()).shards
    # Rules that know no blocks keep what they took; people are told.
    plain = code.removeprefix("namespace app {\n").removesuffix("}\n")
    layout = split(_rule(text.replace("app::", "")), "m", "m.cpp", plain.encode())
    assert "run: no arm has the label `7`, listed for one.cpp" in layout.notes


def test_a_function_that_is_there_is_not_denied():
    code = "namespace app {\n" + KERNEL + "void run(int n, int p, int* out) {\n" + ARMS + "}\n}\n"
    with pytest.raises(RuleMismatch, match="`run`; there is one that a rule names `app::run`"):
        partition(code, "run")


def test_a_condition_is_listed_by_itself_before_it_is_by_a_part():
    code = "namespace app {\n" + KERNEL + "int run(int n, int p) {\n"
    code += "  if (n == 1) { return kernel<1>(p); } else if (n == 16) { return kernel<16>(p); }\n"
    code += "  return 0;\n}\n}\n"
    rule = (
        HEAD + '[[partition]]\nentry = "app::run"\nover = { in = "app::run", chain = "n" }\nbody = "body.h"\n'
    )
    rule += 'rest = "two.cpp"\nshards = { "one.cpp" = ["n == 1"], "two.cpp" = ["n == 16"] }\n'
    layout = split(_rule(rule), "m", "m.cpp", code.encode())
    assert findings(layout) == [] and len(layout.shards) == 2


def test_a_template_is_dealt_for_the_types_that_the_file_instantiates():
    code = "namespace app {\n" + KERNEL + "inline int helper(int p) { return p; }\ntemplate <typename T>\n"
    code += "void run(int n, T p, int* out) {\n" + ARMS + "}\ntemplate void run<int>(int, int, int*);\n"
    code += "template void run<long>(int, long, int*);\n}\n"
    layout = partition(code, "app::run", head=THIN)
    assert "template void MG_NS::app_run_launch<int>(" in file(layout, "one.cpp")
    assert "template void MG_NS::app_run_launch<long>(" in file(layout, "two.cpp")


SEQUENCE = """  int base = helper(p);
  if (n == 1) {
    *out = kernel<1>(base);
    return;
  }
  // and for two
  if (n == 2 && p > 0) { *out = kernel<2>(base); return; }
  if (n > 7) throw n;
  *out = base;
"""


@pytest.mark.parametrize("space", ["", "app::"])
def test_ifs_that_return_one_after_the_other_are_dealt(space):
    code = KERNEL + "inline int helper(int p) { return p; }\n"
    code += "void run(int n, int p, int* out) {\n" + SEQUENCE + "}\n"
    code = f"namespace app {{\n{code}}}\n" if space else code
    rule = f'{HEAD}\n[[partition]]\nentry = "{space}run"\nover = {{ in = "{space}run", sequence = "n" }}\n'
    rule += 'body = "body.h"\nrest = "two.cpp"\nshards = { "one.cpp" = ["n == 1"], "two.cpp" = ["n == 2"] }\n'
    layout = proved(_rule(rule), "m.cpp", code.encode())
    assert len(layout.shards) == 2
    assert "#if defined(MG_SHARD_one)\n  if (n == 1) {" in file(layout, "body.h")
    entry = file(layout, "")
    assert entry.index("if (n == 1)") < entry.index("if (n == 2 && p>0)") < entry.index("if (n>7)")


def test_an_if_that_goes_on_is_no_part_of_a_sequence():
    code = KERNEL + "inline int helper(int p) { return p; }\nvoid run(int n, int p, int* out) {\n"
    code += SEQUENCE.replace("*out = kernel<1>(base);\n    return;", "*out = kernel<1>(base);") + "}\n"
    rule = HEAD + '[[partition]]\nentry = "run"\nover = { in = "run", sequence = "n" }\nbody = "body.h"\n'
    rule += 'rest = "two.cpp"\nshards = { "one.cpp" = ["n == 1"], "two.cpp" = ["n == 2"] }\n'
    with pytest.raises(RuleMismatch, match="no arm has the label") as caught:
        split(_rule(rule.replace('"run"', '"::run"')), "m", "m.cpp", code.encode())
    assert caught.value.hint


def test_a_member_template_is_declared_by_its_class():
    code = "namespace app {\nstruct Tree {\n  template <bool typed>\n  void load(int x);\n"
    code += "  void use(int x);\n};\n"
    code += "template <bool typed>\nvoid Tree::load(int x) { use(x); }\n"
    code += "template void Tree::load<true>(int);\ntemplate void Tree::load<false>(int);\n"
    code += "void Tree::use(int x) { if (x > 1) load<true>(1); }\n}\n"
    rule = HEAD.replace("needed", 'items = ["template app::Tree::load", "type *"]\nneeded')
    rule += '[[instantiate]]\ntemplate = "app::Tree::load"\nheader = "kernel.h"\nrest = "one.cpp"\n'
    rule += '[instantiate.shards]\n"one.cpp" = ["true"]\n"two.cpp" = ["false"]\n'
    layout = split(_rule(rule), "m", "m.cpp", code.encode())
    assert findings(layout) == []
    assert "template <bool typed>" not in file(layout, "")


def test_a_registration_in_a_namespace_is_made_once():
    code = "namespace app {\n" + KERNEL + "inline int helper(int p) { return p; }\nREGISTER_IT(kernel);\n"
    code += "void run(int n, int p, int* out) {\n" + ARMS + "}\n}\n"
    layout = partition(code, "app::run")
    assert "REGISTER_IT(kernel);" in file(layout, "")
    rule = HEAD.replace("needed", 'items = ["namespace app"]\nneeded')
    with pytest.raises(AssertionError, match="doubled"):
        partition(code, "app::run", head=rule)


# -- blocks that macros open ----------------------------------------------------------------------------

BOXED = (
    "BOX_BEGIN\n" + KERNEL + "inline int helper(int p) { return p; }\n"
    "void run(int n, int p, int* out) {\n" + ARMS + "}\nBOX_END\n"
)


def test_a_shards_own_namespace_stands_in_the_macros_block():
    body = file(partition(BOXED, "::run"), "body.h")
    opened = body.index("BOX_BEGIN  // MG_SCOPE\nnamespace MG_NS {"), body.index("void run")
    closed = body.index("using namespace MG_NS;"), body.index("BOX_END  // MG_SCOPE")
    assert [*opened, *closed] == sorted([*opened, *closed])


def test_what_left_its_macros_block_is_found():
    layout = partition(BOXED, "::run")
    texts = {f.path: f.text for f in layout.files}
    for line in (b"BOX_BEGIN  // MG_SCOPE\n", b"BOX_END  // MG_SCOPE\n"):
        assert texts["m/kernel.h"].count(line) == 1
        texts["m/kernel.h"] = texts["m/kernel.h"].replace(line, b"")
    files = [LayoutText(f.path, texts[f.path], f.is_unit) for f in layout.files]
    assert {"lost", "added"} <= {finding.code for finding in compare("m.cpp", layout.monolith, files)}


def test_a_rule_that_opens_no_block_is_told_how_it_would():
    with pytest.raises(RuleMismatch, match="`BOX_BEGIN` opens a block, which this rule") as refused:
        partition(BOXED, "run")
    assert "`::run`" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOXED.replace("BOX_END\n", ""), "opens a block that no other closes"),
        (BOXED.replace("BOX_BEGIN\n", ""), "closes a block that none opened"),
    ],
)
def test_a_macro_without_its_other_is_refused(text, problem):
    deal = '[[deal]]\nheader = "internal.h"\nunits = 2\n'
    with pytest.raises(RuleMismatch, match=problem):
        split(_rule(f'schema = 1\nmonolith = "m.cpp"\n{deal}'), "m", "m.cpp", text.encode())
    with pytest.raises(RuleMismatch, match=problem):
        partition(text, "::run")


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ('extern "C" {\n', "}\n"),
        ('#ifdef __cplusplus\nextern "C" {\n#endif\n', "#ifdef __cplusplus\n}\n#endif\n"),
    ],
)
def test_launch_functions_have_no_c_linkage(opening, closing):
    code = KERNEL + "static int helper(int p) { return p; }\n" + opening
    code += "void run(int n, int p, int* out) {\n" + ARMS + "}\n" + closing
    layout = partition(code, "::run", head=THIN)
    for name in ("body.h", "launch.h"):
        assert 'extern "C"' not in file(layout, name)
    assert 'extern "C" {' in file(layout, "")
    texts = {f.path: f.text for f in layout.files}
    texts["m/body.h"] = texts["m/body.h"].replace(b"namespace MG_NS {", b'extern "C" { namespace MG_NS {')
    texts["m/body.h"] = texts["m/body.h"].replace(b"}  // MG_SCOPE\n", b"}}  // MG_SCOPE\n")
    files = [LayoutText(f.path, texts[f.path], f.is_unit) for f in layout.files]
    found = [one for one in compare("m.cpp", layout.monolith, files) if one.code == "doubled"]
    assert found and "C linkage" in found[0].message


# -- a choice in the arms of a switch --------------------------------------------------------------------

GRID = (FOLDER / "grid.cpp").read_text()


def _grid(rule: str = (FOLDER / "grid.toml").read_text(), text: str = GRID) -> Layout:
    return split(_rule(rule), "grid", "grid.cpp", text.encode())


def test_each_inner_switch_has_a_launch_function_of_its_own():
    layout = _grid()
    narrow, wide = (layout.by_path[f"grid/{name}.cpp"].text for name in ("narrow", "wide"))
    assert b"MG_SHARD_narrow" in narrow and b"MG_SHARD_wide" in wide
    entry = layout.by_path["grid.cpp"].text.decode()
    assert [entry.count(f"MG_LAUNCH grid_run_launch_{n} ") for n in (1, 2, 3)] == [1, 1, 0]
    assert "cells<" not in entry.partition("int run(")[2].partition("float fill(")[0]
    assert any("the arm `3` does not choose by `columns`" in note for note in layout.notes)


def test_an_arm_that_upstream_adds_goes_to_the_rest():
    added = GRID.replace(
        "    case 3:\n",
        "    case 4:\n      switch (columns) {\n        case 32:\n          return cells<4, 32>(x);\n"
        "        case 48:\n          return cells<4, 48>(x);\n        default:\n"
        "          return -1;\n      }\n"
        "    case 3:\n",
    )
    layout = _grid(text=added)
    assert findings(layout) == []
    assert [note for note in layout.notes if "`4/48`; wide.cpp serves it" in note]
    body = layout.by_path["grid/grid_arms.hpp"].text.decode()
    arm = body.index("cells<4, 32>")
    assert body.rindex("#if defined", 0, arm) == body.rindex("#if defined(MG_SHARD_narrow)", 0, arm)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('["*/32"]', '["*/33"]', r"no arm has the label `\*/33`"),
        ('["1/64", "2/64"]', '["1/64", "2/*"]', r"the arm `2/32` is listed for narrow.cpp and wide.cpp"),
        ('then = "columns"', 'then = "depth"', "no arm chooses by `depth`"),
        ('interface = "thin"', 'interface = "full"', "is dealt in its place"),
    ],
)
def test_a_product_that_does_not_fit_is_refused(old, new, problem):
    rule = (FOLDER / "grid.toml").read_text()
    assert old in rule
    with pytest.raises(RuleMismatch, match=problem):
        _grid(rule.replace(old, new, 1))


def test_an_arm_that_may_go_on_behind_its_inner_switch_returns_no_value():
    text = GRID.replace(
        "          return cells<1, 32>(x);\n", "          if (x) return 1;\n          break;\n"
    )
    with pytest.raises(RuleMismatch, match="the function goes on behind the branching"):
        _grid(text=text)


def test_an_inner_arm_that_is_sent_to_another_shard_is_found():
    layout = _grid()
    texts = {f.path: f.text for f in layout.files}
    call = b"return mergeguard_grid_narrow::grid_run_launch_2"
    assert call in texts["grid.cpp"]
    texts["grid.cpp"] = texts["grid.cpp"].replace(call, call.replace(b"narrow", b"wide"))
    files = [LayoutText(f.path, texts[f.path], f.is_unit) for f in layout.files]
    assert "dispatch" in {one.code for one in compare("grid.cpp", layout.monolith, files)}


def test_a_glob_that_no_instantiation_fits_is_said():
    code = "namespace app {\ntemplate <typename T>\nT twice(T t) { return t + t; }\n"
    code += "template int twice<int>(int);\ntemplate long twice<long>(long);\n}\n"
    rule = HEAD.replace("needed", 'items = ["template app::twice"]\nneeded')
    rule += '[[instantiate]]\ntemplate = "app::twice"\nheader = "kernel.h"\nrest = "one.cpp"\n'
    rule += '[instantiate.shards]\n"one.cpp" = ["int"]\n"two.cpp" = ["long", "double"]\n'
    layout = split(_rule(rule), "m", "m.cpp", code.encode())
    assert layout.notes == ("app::twice: nothing fits the glob `double`, listed for two.cpp",)


def test_what_a_class_only_qualifies_by_is_no_member():
    code = "#include <string>\n" + KERNEL + "int helper(int p) { return p; }\n"
    code += "struct Foo { std::string name; void run(int n, int p, int* out); int own(int); };\n"
    arms = ARMS.replace("*out = -1;", "{ int sum = 0; throw std::string(sum, 'a'); }")
    code += "void Foo::run(int n, int p, int* out) {\n" + arms + "}\n"
    assert "throw std::string" in file(partition(code, "Foo::run", head=THIN), "body.h")
    with pytest.raises(RuleMismatch, match="`own`, a member of `Foo`"):
        partition(code.replace("helper(p)", "own(p)"), "Foo::run", head=THIN)


def test_a_function_of_the_entry_in_a_macros_block_has_no_name_to_call_it_by():
    code = "BOX_BEGIN\nstatic int seen = 0;\nstatic int helper(int p) { return p + ++seen; }\n" + KERNEL
    code += "void run(int n, int p, int* out) {\n" + ARMS + "}\nBOX_END\n"
    with pytest.raises(RuleMismatch, match="which stands in a block that a macro opens"):
        partition(code, "::run", head=THIN)
    inside = partition(
        code.replace("BOX_BEGIN", "namespace box {").replace("BOX_END", "}"), "box::run", head=THIN
    )
    assert "return ::box::helper(p);" in file(inside, "")
