"""What a file keeps to itself and the units of a dealing share. Its laws: ``test_strategies``."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from mergeguard.errors import RuleMismatch
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import parse_rule
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare
from tests.support.layouts import proved

SHARDS = '[deal.shards]\n"one.{0}" = ["function *one"]\n"two.{0}" = ["function *two"]\n'
USERS = "int one() { return ++count; }\nint two() { return count; }\n"


def deal(text: str, shared: str, suffix: str = "cpp") -> Layout:
    """The layout of a small file of two functions; and proved by tokens."""
    path = f"m.{suffix}"
    table = f'[[deal]]\nheader = "internal.h"\nshared = {shared}\n{SHARDS.format(suffix)}'
    rule = parse_rule(f'schema = 1\nmonolith = "{path}"\n{table}'.encode(), "rule.toml")
    return proved(rule, path, text.encode())


def header(layout: Layout) -> bytes:
    return layout.by_path["m/internal.h"].text


@pytest.mark.parametrize(
    ("definition", "declared"),
    [
        ("static int count = 0;", b"{ extern int count; }"),
        ("namespace {\nint count;\n}", b"{ extern int count; }"),
        ("static int *count;", b"{ extern int *count; }"),
        ("static std::atomic<int> count{0};", b"{ extern std::atomic<int> count; }"),
    ],
)
def test_an_object_has_one_home_and_is_declared(definition, declared):
    layout = deal(f"{definition}\n{USERS}", '["variable count"]')
    assert declared in header(layout)
    assert [f.path for f in layout.files if b"MG_SCOPE" in f.text] == ["m.cpp"]
    with pytest.raises(RuleMismatch, match="both need `count`"):
        deal(f"{definition}\n{USERS}", "[]")


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("static auto count = make();", "can't be declared in another place"),
        ("static int count = 0, more = 1;", "declared together with something else"),
        ("static int count[] = {1, 2};", "the size of `count` does not stand in its type"),
        ("namespace {\nstruct Hidden {};\nHidden count;\n}", "the type of `count` is the file's own"),
        ("namespace {\nnamespace inner {\nint count;\n}\n}", "a namespace within an anonymous one"),
        ("#ifdef X\nstatic int count = 0;\n#endif", "stands in an #if that stays closed"),
        ("static int count = 0;\nint count(int);", "other things are called `count`"),
        ('extern "C" {\nstatic int count = 0;\n}', "`count` has C linkage"),
    ],
)
def test_what_can_not_be_said_again_is_named_or_goes_one_way(definition, reason):
    text = f"{definition}\n{USERS}"
    with pytest.raises(RuleMismatch, match=reason):
        deal(text, '["variable *count"]')
    with pytest.raises(RuleMismatch, match="both need"):
        deal(text, '["variable *"]')


def test_a_function_with_a_state_may_be_shared():
    text = "static int next(int by) {\n  static int at = 0;\n  return at += by;\n}\n"
    text += "int one() { return next(1); }\nint two() { return next(2); }\n"
    text += "static int plain(int by) { return by + 1; }\nint three_one() { return plain(1) + plain(2); }\n"
    text += "int three_two() { return plain(3); }\n"
    for selectors in ('["function next"]', '["function *"]'):
        made = header(deal(text, selectors))
        assert b"{ extern int next(int by); }" in made and b"static int plain(int by) {" in made
    assert b"{ extern int plain(int by); }" in header(deal(text, '["function *", "function plain"]'))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("int three() { return ::next(3); }\n", "used by its qualified name"),
        ("template <typename T>\nint three(T t) { return next(t); }\n", "may be found by its arguments"),
        ("static int next(double by) { return by > 0; }\nint next(char);\n", "other things are called"),
    ],
)
def test_a_function_that_lookup_could_miss_is_not(more, reason):
    text = "static int next(int by) {\n  static int at = 0;\n  return at += by;\n}\n"
    text += f"int one() {{ return next(1); }}\nint two() {{ return next(2); }}\n{more}"
    with pytest.raises(RuleMismatch, match=reason):
        deal(text, '["function next"]')


LEDGER_IN_C = """#include <string.h>
struct entry { const char *name; int count; };
static int find(const char *name);
static struct entry table[8];
static int used;
static const char *const names[] = {"a", "b"};

/* The place of a name. */
static int add(const char *name) {
  if (used == 8) return -1;
  table[used].name = name;
  return used++;
}

static int find(const char *name) {
  for (int i = 0; i < used; i++)
    if (!strcmp(table[i].name, name)) return i;
  return add(name);
}

int add_one(const char *name) { return table[find(name)].count += 1; }
int add_two(void) { return table[find(names[1])].count += used; }
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_sharing_is_right_in_c(tmp_path):
    text = LEDGER_IN_C.replace("add_one", "one").replace("add_two", "two")
    layout = deal(text, '["variable *", "function *"]', "c")
    assert b"#define used mergeguard_m_own_used" in header(layout)
    assert b"namespace" not in b"".join(f.text for f in layout.files)
    for file in layout.files:
        (tmp_path / file.path).parent.mkdir(exist_ok=True)
        (tmp_path / file.path).write_bytes(file.text)
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c"]
    objects: list[str] = []
    for unit in (file.path for file in layout.files if file.is_unit):
        objects.append(f"{len(objects)}.o")
        subprocess.run([*command, unit, "-o", objects[-1]], cwd=tmp_path, check=True)
    subprocess.run(["ld", "-r", "-o", "all.o", *objects], cwd=tmp_path, check=True)
    listed = subprocess.run(["nm", "all.o"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    symbols = sorted(line.split()[-1] for line in listed.splitlines() if " U " not in line)
    own = ["add", "find", "table", "used"]
    assert symbols[:4] == [f"mergeguard_m_own_{name}" for name in own] and {"one", "two"} <= {*symbols}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("struct other { int count; };\nint three(struct other *o) { return o->count; }\n", "something else"),
        ("#include <late.h>\n", "an include comes after"),
        ("#if count > 3\n#endif\n", "a directive asks for"),
        ("__attribute__((count)) int three(void);\n", "something else"),
        ("static int count;\n", "there are several"),
    ],
)
def test_a_name_that_c_could_not_give_is_not_shared(more, reason):
    with pytest.raises(RuleMismatch, match=reason):
        deal(f"static int count = 0;\n{USERS}{more}", '["variable count"]', "c")


def test_a_shared_object_of_two_units_or_of_none_is_found():
    layout = deal(f"static int count = 0;\n{USERS}", '["variable *"]')
    texts = {f.path: f.text for f in layout.files}
    line = b"/* MG_SHARED static MG_SHARED */ int count = 0;\n"

    def found(path: str, old: bytes, new: bytes) -> set[str]:
        changed = texts | {path: texts[path].replace(old, new, 1)}
        assert changed != texts
        files = [LayoutText(f.path, changed[f.path], f.is_unit) for f in layout.files]
        return {one.code for one in compare("m.cpp", layout.monolith, files) if one.severity != "note"}

    space = b"namespace mergeguard_m_own {\n%s}\n" % line
    assert "doubled" in found("m/one.cpp", b"int one()", space + b"int one()")
    assert "lost" in found("m.cpp", line, b"")
    assert found("m.cpp", b"/* MG_SHARED static MG_SHARED */", b"static") & {
        "divided state",
        "lost",
        "changed",
    }
    assert "self-contained" in found("m/internal.h", b"extern int count;", b"")
    in_c = b'extern "C" {\n' + line + b"}\n"
    assert "added" in found("m.cpp", line, in_c)


def test_in_c_a_name_from_below_is_the_one_that_was_declared_above():
    typedef = "typedef struct state *state_t;\n"
    text = "#include <state.h>\nstate_t one(void) { return 0; }\n" + typedef
    text += "int two(state_t a, state_t b) { return a == b; }\nint three_two(state_t a) { return !a; }\n"
    assert typedef.encode() in header(deal(text, "[]", "c"))
    # A macro from below would change what stands above.
    with pytest.raises(RuleMismatch, match=r"`state_t` of internal\.h, which stands below it"):
        deal(text.replace(typedef, "#define state_t int\n"), "[]", "c")


def test_a_header_of_the_language_may_come_in_any_order():
    debug = "#ifdef DEBUG\n#include <stdio.h>\nstatic int level = 1;\n#define LOG(x) printf(x)\n"
    debug += "#else\n#define LOG(x)\n#endif\n"
    text = f"#include <string.h>\n{debug}#include <mine.h>\n"
    text += 'int one(void) { LOG("a"); return ++level; }\nint two(void) { return 2; }\n'
    assert deal(text, "[]", "c").shards
    with pytest.raises(AssertionError, match="include order"):
        deal(text.replace("<stdio.h>", "<debug.h>"), "[]", "c")


def test_a_macro_that_is_undefined_to_be_defined_anew_is_defined():
    text = "#ifdef WINCE\n#undef SLOW\n#define SLOW\n#endif\n"
    for name in ("one", "two"):
        text += f"int {name}(void) {{\n#ifdef SLOW\n  return 1;\n#endif\n  return 2;\n}}\n"
    assert b"#define SLOW" in header(deal(text, "[]", "c"))


def test_a_selector_that_shares_nothing_is_named():
    with pytest.raises(RuleMismatch, match=r"selector `variable counts` \(shared\) matches nothing"):
        deal(f"static int count = 0;\n{USERS}", '["variable counts"]')
    assert deal(f"static int count = 0;\n{USERS}", '["variable count", "variable counts?"]').shards


@pytest.mark.parametrize(
    "value", ["const int extent = 4;", "const Count extent = 4;", "const int extent = twice(2);"]
)
def test_a_constant_that_may_be_an_arrays_size_is_seen_with_its_value(value):
    text = f"static {value}\nint one() {{ int all[extent]; return sizeof all; }}\nint two() {{ return 2; }}\n"
    assert b"extern" not in header(deal(text, '["variable *"]'))


def test_a_constant_of_a_librarys_class_is_shared():
    text = "static const std::map<int, int> extent;\n"
    text += "int one() { return extent.at(1); }\nint two() { return extent.at(2); }\n"
    assert b"extern const std::map<int, int> extent;" in header(deal(text, '["variable *"]'))


def test_a_function_that_another_namespace_may_find_by_its_arguments_is_not():
    text = "namespace a {\nstruct T {};\nstatic int next(T) {\n  static int at = 0;\n  return ++at;\n}\n"
    text += "int one() { return next(T{}); }\n}\nnamespace b {\nint two() { return next(a::T{}); }\n}\n"
    with pytest.raises(RuleMismatch, match="may be found by its arguments"):
        deal(text, '["function a::next"]')
