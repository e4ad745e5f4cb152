"""[[deal]]: each decision on a small file, faults on a file of everything. Its laws: ``test_strategies``."""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache

import pytest

from mergeguard.errors import RuleError, RuleMismatch
from mergeguard.lens.emit import split
from mergeguard.lens.homes.dealing import unit_for
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import Rule, parse_rule
from mergeguard.lens.unsplit import unsplit
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare
from tests.support import layouts
from tests.support.layouts import findings, proved

FOLDER = layouts.ROOT / "fixtures" / "deal"
TALLY = (FOLDER / "tally.cpp").read_bytes()
ONE_AND_TWO = '[deal.shards]\n"one.cpp" = ["function *one"]\n"two.cpp" = ["function *two"]'


@lru_cache(maxsize=256)
def _tally(text: bytes) -> Layout:
    return split(_rule((FOLDER / "tally.toml").read_text()), "tally", "tally.cpp", text)


@lru_cache
def _rule(text: str) -> Rule:
    return parse_rule(text.encode(), "rule.toml")


def deal(text: str, table: str = "units = 2", more: str = "") -> Layout:
    """The layout of a small file, dealt; and proved by tokens."""
    rule = _rule(f'schema = 1\nmonolith = "m.cpp"\n{more}\n[[deal]]\nheader = "internal.h"\n{table}\n')
    return proved(rule, "m.cpp", text.encode())


def home(layout: Layout, text: str) -> str:
    """The one file in whose own text the monolith's ``text`` is."""
    (found,) = [f.path for f in layout.files if text.encode() in f.monolith_text]
    return found.removeprefix("m/")


# -- where things go ----------------------------------------------------------------------------------


def test_a_dealing_is_stable():
    names = [f"f{n}" for n in range(40)]
    before = {name: unit_for(name, ("a", "b", "c"), 7) for name in names}
    assert set(before.values()) == {"a", "b", "c"}
    after = {name: unit_for(name, ("a", "b", "c", "d"), 7) for name in names}
    assert all(after[n] == before[n] or after[n] == "d" for n in names)
    assert before != {name: unit_for(name, ("a", "b", "c"), 8) for name in names}


def test_the_entry_may_be_one_of_those_that_share():
    text = "".join(f"int f{n}(int a) {{ return a + {n}; }}\n" for n in range(12))
    layout = deal(text, "units = 2\nentry = true")
    homes = [home(layout, f"int f{n}(") for n in range(12)]
    assert {*homes} == {"part_1.cpp", "part_2.cpp", "m.cpp"}
    # A further unit takes some from each; the entry keeps the rest.
    more = deal(text, "units = 3\nentry = true")
    moved = [n for n in range(12) if home(more, f"int f{n}(") != homes[n]]
    assert all(home(more, f"int f{n}(") == "part_3.cpp" for n in moved)


def test_an_edit_of_one_function_moves_no_other():
    text = "".join(f"int f{n}(int a) {{ return a + {n}; }}\n" for n in range(12))
    before = deal(text, "units = 4")
    edited = text.replace("return a + 3;", "return a * 3 + a;").replace(
        "int f7", "int added() { return 1; }\nint f7"
    )
    after = deal(edited.replace("int f9(int a) { return a + 9; }\n", ""), "units = 4")
    for n in (0, 1, 2, 4, 5, 6, 7, 8, 10, 11):
        assert home(after, f"int f{n}(") == home(before, f"int f{n}(")


def test_what_one_unit_needs_is_there_and_what_two_need_is_in_the_header():
    text = (
        "static int a() { return 1; }\nstatic int b() { return 2; }\n"
        "int one() { return a() + b(); }\nint two() { return b(); }\n"
    )
    layout = deal(text, ONE_AND_TWO)
    assert (home(layout, "int a()"), home(layout, "int b()")) == ("one.cpp", "internal.h")
    assert b"inline\nstatic int b()" in layout.by_path["m/internal.h"].text


def test_a_static_object_keeps_its_users_together():
    text = (
        "static int count = 0;\nint one() { return ++count; }\nint two() { return count; }\n"
        "int three() { return 3; }\n"
    )
    layout = deal(text, "units = 6")
    assert home(layout, "int one") == home(layout, "int two") == home(layout, "int count")
    with pytest.raises(RuleMismatch, match=r"both need `count`, of which there may be only one"):
        deal(text, ONE_AND_TWO)


def test_a_function_with_a_static_local_stays_one():
    text = (
        "static int next() { static int n = 0; return ++n; }\nint one() { return next(); }\n"
        "int two() { return next(); }\n"
    )
    layout = deal(text, "units = 6")
    assert home(layout, "int one") == home(layout, "int two") == home(layout, "int next")


def test_each_definition_of_a_macro_stays_with_its_users():
    text = (
        "#define W(x) (x)\nint one() { return W(1); }\n#undef W\n#define W(x) (-(x))\n"
        "int two() { return W(2); }\n#undef W\n"
    )
    layout = deal(text, ONE_AND_TWO)
    assert (home(layout, "W(x) (x)"), home(layout, "W(x) (-(x))")) == ("one.cpp", "two.cpp")


def test_blocks_are_opened_again():
    text = (
        "#ifdef GPU\n#include <cmath>\nnamespace a::b {\ninline namespace v1 {\n"
        "namespace {\nint helper(int x) { return x; }\n}\n"
        "int one(int x) { return helper(x); }\nint two(int x) { return helper(x) + one(x); }\n}\n}\n#endif\n"
    )
    layout = deal(text, ONE_AND_TWO)
    assert layout.by_path["m/two.cpp"].text.count(b"// MG_SCOPE") == 6
    assert b"int one(int x);  // MG_DECLARATION" in layout.by_path["m/internal.h"].text


def test_a_block_that_goes_one_way_moves_as_a_whole():
    text = (
        "namespace one {\nint a() { return 1; }\nint b() { return 2; }\n}  // namespace one\n"
        "int c() { return 3; }\n"
    )
    layout = deal(text, 'rest = "entry.cpp"\n[deal.shards]\n"one.cpp" = ["function one::*"]')
    assert b"MG_SCOPE" not in b"".join(f.text for f in layout.files)
    assert home(layout, "}  // namespace one") == "one.cpp"


def test_branches_of_a_condition_are_opened_with_the_conditions_before_them():
    text = (
        "#if A\nint one() { return 1; }\n#elif B\nint one() { return 2; }\n"
        "int two() { return 2; }\n#else\nint two() { return 3; }\n#endif\n"
    )
    layout = deal(text, ONE_AND_TWO)
    assert b"#if A  // MG_SCOPE\n#elif B  // MG_SCOPE\n" in layout.by_path["m/two.cpp"].text


def test_a_registration_stays_in_the_entry():
    text = "int one() { return 1; }\nint two() { return 2; }\nREGISTER(m) { m.def(&one); }\n"
    layout = deal(text)
    assert home(layout, "REGISTER") == "m.cpp"
    assert len(layout.notes) == 1 and "takes no such object out of a static library" in layout.notes[0]
    assert b"int one();  // MG_DECLARATION" in layout.by_path["m/internal.h"].text


def test_a_constant_that_was_declared_extern_is_one_object():
    text = "extern const int limit;\nconst int limit = 7;\n"
    text += "int one() { return limit; }\nint two() { return 2 * limit; }\n"
    layout = deal(text, ONE_AND_TWO)
    assert home(layout, "extern const int limit;") == "internal.h"
    assert home(layout, "const int limit = 7;") == "m.cpp"
    texts = {f.path: f.text for f in layout.files}
    texts["m/internal.h"] += b"const int limit = 7;\n"
    files = [LayoutText(f.path, texts[f.path], f.is_unit) for f in layout.files]
    assert "doubled" in {f.code for f in compare("m.cpp", text.encode(), files)}


def test_a_macro_that_declares_by_its_name_is_for_all():
    text = "enum class Mode { A };\nDECLARE_FIELD_ENUM_CLASS(Mode);\nNLOHMANN_JSON_SERIALIZE_ENUM(Mode, {})\n"
    text += (
        "REGISTER_FIELD(Mode);\nint one() { return Field<Mode>(); }\nint two() { return Field<Mode>(); }\n"
    )
    layout = deal(text, ONE_AND_TWO)
    assert home(layout, "DECLARE_FIELD_ENUM_CLASS") == home(layout, "NLOHMANN_JSON") == "internal.h"
    assert home(layout, "REGISTER_FIELD") == "m.cpp"


def test_objects_initialised_by_each_other_stay_together():
    text = "int base();\nint first = base();\nint half() { return first / 2; }\nint second = half();\n"
    layout = deal(text, "units = 9")
    assert home(layout, "int first") == home(layout, "int half") == home(layout, "int second")


LIVES = """#include <cstdio>
#include <vector>
struct Log { Log(); ~Log(); void say(const char*); std::vector<char> kept; };
Log::Log() { std::puts("begin"); }
Log::~Log() { std::puts("end"); }
void Log::say(const char* text) { std::puts(text); }
Log the_log;
void note(const char* text) { the_log.say(text); }
struct Held { int depth = 0; };
struct Pool { Held held; %s };
Pool the_pool;
Pool* used() { return &the_pool; }
"""


APART = '[deal.shards]\n"one.cpp" = ["variable the_log"]\n"two.cpp" = ["variable the_pool"]'


@pytest.mark.parametrize("member", ['~Pool() { note("gone"); }', 'Pool() : held() { note("made"); }'])
def test_objects_that_need_each_other_when_made_or_destroyed_stay_together(member):
    with pytest.raises(RuleMismatch, match="the_log"):
        deal(LIVES % member, APART)
    layout = deal(LIVES % member, "units = 9")
    assert home(layout, "Log the_log") == home(layout, "Pool the_pool")


@pytest.mark.parametrize(
    "member", ['void say() { note("no"); }', "Pool() = default;", "int size; Pool* next;"]
)
def test_objects_that_do_not_may_part(member):
    layout = deal(LIVES % member, APART)
    assert home(layout, "Log the_log") != home(layout, "Pool the_pool")
    # Where somebody makes them need each other then, `verify` sees it.
    needs = b'~Pool() { note("gone"); }'
    texts = [(f.path, f.text.replace(member.encode(), needs), f.is_unit) for f in layout.files]
    found = compare("m.cpp", (LIVES % needs.decode()).encode(), [LayoutText(*text) for text in texts])
    assert "destruction" in {finding.code for finding in found}


def test_text_typed_behind_a_block_is_not_taken_into_it():
    layout = _tally(TALLY)
    path = next(f.path for f in layout.shards if f.text.endswith(b"}  // MG_SCOPE\n"))
    files = {f.path: f.text for f in layout.files}
    files[path] += b"int outside = 1;\n"
    result = unsplit(layout, files, _tally)
    assert result.monolith == TALLY
    assert [h.new for h in result.unmapped] == [b"int outside = 1;\n"]


def test_a_rule_with_faults_is_refused():
    def refused(table: str, match: str) -> None:
        with pytest.raises(RuleError, match=match):
            _rule(f'schema = 1\nmonolith = "m.cpp"\n[[deal]]\nheader = "h.h"\n{table}')

    refused("", "has no units")
    refused('units = 2\nrest = "a.cpp"', "exclude each other")
    refused('entry = true\n[deal.shards]\n"a.cpp" = ["function x"]', "`entry` needs `units`")
    refused('[deal.shards]\n"a.cpp" = ["fun x"]', "unknown kind `fun`")
    refused('[deal.shards]\n"h.h" = ["function x"]', "claimed twice")


def test_text_typed_between_two_functions_stays_in_their_block():
    text = "namespace a {\nint one() { return 1; }\n}\nnamespace a {\nnamespace b {\n"
    text += "int two() { return 2; }\n}\nint last_one() { return 3; }\n}\n"
    rule = _rule(f'schema = 1\nmonolith = "m.cpp"\n[[deal]]\nheader = "internal.h"\n{ONE_AND_TWO}\n')
    layout = deal(text, ONE_AND_TWO)
    for line in range(layout.by_path["m/one.cpp"].text.count(b"\n") + 1):
        lines = layout.by_path["m/one.cpp"].text.splitlines(keepends=True)
        lines.insert(line, b"int new_one() { return 4; }\n")
        files = {f.path: f.text for f in layout.files} | {"m/one.cpp": b"".join(lines)}
        result = unsplit(layout, files, lambda t: split(rule, "m", "m.cpp", t))
        if not result.hunks:
            assert result.layout.by_path["m/one.cpp"].text == files["m/one.cpp"]


def test_a_better_match_from_below_is_refused():
    text = (
        "static int f(int) { return 1; }\nint one() { return f(1L); }\n"
        "static int f(long) { return 2; }\nint two() { return f(2L); }\n"
    )
    with pytest.raises(RuleMismatch, match=r"`one` would see `f` of internal.h, which stands below it"):
        deal(text, ONE_AND_TWO)
    together = deal(
        text.replace("int two", "int one_too"), 'rest = "a.cpp"\n[deal.shards]\n"one.cpp" = ["function one*"]'
    )
    assert home(together, "int f(long)") == "one.cpp"


def test_what_was_declared_above_may_stand_below():
    text = (
        "static int f(int a = 1);\nint one() { return f(); }\nstatic int f(int b) { return b; }\n"
        "int two() { return f(2); }\n"
    )
    layout = deal(text, ONE_AND_TWO)
    assert home(layout, "return b;") == "internal.h"


def test_a_local_of_the_same_name_is_no_trap():
    text = (
        "int one() { int width = 2; return width; }\nstatic const int width = 3;\n"
        "int two() { return width; }\nint three_one() { return width; }\n"
    )
    assert home(deal(text, ONE_AND_TWO), "width = 3") == "internal.h"


# -- faults that people and tools make: the proof finds each ---------------------------------------------


def _found_after(path: str, old: bytes, new: bytes, also: tuple[str, bytes] = ("", b"")) -> set[str]:
    layout = _tally(TALLY)
    texts = {f.path: f.text for f in layout.files}
    assert old in texts[path]
    texts[path] = texts[path].replace(old, new, 1)
    if also[0]:
        texts[also[0]] += also[1]
    files = [LayoutText(f.path, texts[f.path], f.is_unit) for f in layout.files]
    return {f.code for f in compare(layout.path, TALLY, files) if f.severity != "note"}


def _unit_of(text: bytes) -> str:
    (path,) = [f.path for f in _tally(TALLY).shards if text in f.text]
    return path


def test_a_definition_in_two_units_is_found():
    text = b"int last_ticket() {\n  return tickets;\n}\n"
    other = next(f.path for f in _tally(TALLY).shards if text not in f.text)
    body = b"namespace tally {\nint last_ticket() {\n  return 0;\n}\n}\n"
    assert "doubled" in _found_after(_unit_of(text), text, text, (other, body))


def test_a_lost_definition_and_a_lost_declaration_are_found():
    text = b"int last_ticket() {\n  return tickets;\n}\n"
    assert _found_after(_unit_of(text), text, b"") == {"lost"}
    header = "tally/internal.hpp"
    line = next(r for r in _tally(TALLY).by_path[header].text.splitlines(keepends=True) if b"variance(" in r)
    assert "self-contained" in _found_after(header, line, b"")


def test_an_object_of_each_unit_is_found():
    header = "tally/internal.hpp"
    place = b"struct Range {"
    moved = _found_after(_unit_of(b"int tickets = 0;\n"), b"int tickets = 0;\n", b"")
    assert "lost" in moved
    layout = _tally(TALLY)
    texts = {f.path: f.text for f in layout.files}
    path = _unit_of(b"int tickets = 0;\n")
    texts[path] = texts[path].replace(b"int tickets = 0;\n", b"")
    texts[header] = texts[header].replace(place, b"int tickets = 0;\n" + place)
    files = [LayoutText(f.path, texts[f.path], f.is_unit) for f in layout.files]
    assert {f.code for f in compare(layout.path, TALLY, files)} >= {"divided state"}


def test_a_macro_of_another_meaning_is_found():
    text = b"#define STEP(x) ((x) + 1)\n"
    assert "changed" in _found_after(_unit_of(text), text, b"#define STEP(x) ((x) + 2)\n")


def test_a_deal_beside_a_partition():
    text = (
        "#include <cmath>\n\ntemplate <int N>\nint work(int x) { return x * N; }\n\n"
        "int run(int n, int x) {\n  switch (n) {\n    case 1: return work<1>(x);\n"
        "    case 2: return work<2>(x);\n    default: return -1;\n  }\n}\n"
        "int other(int x) { return work<7>(x) + run(1, x); }\nint last(int x) { return other(x); }\n"
    )
    more = (
        '[[partition]]\nentry = "run"\nover = { in = "run", switch = "n" }\nbody = "dispatch.h"\n'
        'rest = "b.cpp"\n[partition.shards]\n"a.cpp" = [1]\n"b.cpp" = [2]\n'
    )
    layout = deal(text, "units = 2", more)
    assert home(layout, "int run(") == "dispatch.h"
    assert home(layout, "int work(") == "internal.h"
    assert {f.path for f in layout.shards} == {"m/a.cpp", "m/b.cpp", "m/part_1.cpp", "m/part_2.cpp"}


def test_macro_calls_are_dealt_where_the_rule_says_so():
    text = "static int helper() { return 1; }\n"
    text += "".join(f"TEST(Suite, case_{n}) {{\n  use(helper() + {n});\n}}\n" for n in range(8))
    with pytest.raises(RuleMismatch, match="nothing that the rule deals"):
        deal(text, "units = 3")
    layout = deal(text, "units = 3\ncalls = true")
    assert home(layout, "int helper()") == "internal.h"
    assert len({home(layout, f"TEST(Suite, case_{n})") for n in range(8)}) > 1
    edited = deal(text.replace("helper() + 3", "helper() * 3"), "units = 3\ncalls = true")
    for n in range(8):
        assert home(edited, f"TEST(Suite, case_{n})") == home(layout, f"TEST(Suite, case_{n})")


def test_overloads_go_by_themselves_where_the_rule_says_so():
    text = "".join(f"int A::visit(T{n} *node) {{ return {n}; }}\n" for n in range(12))
    assert len({home(deal(text, "units = 3"), f"T{n} *") for n in range(12)}) == 1
    layout = deal(text, "units = 3\noverloads = true")
    homes = [home(layout, f"T{n} *") for n in range(12)]
    assert len({*homes}) == 3
    renamed = deal(
        text.replace("T4 *node", "T4 *n") + "int A::visit(long) { return 1; }\n",
        "units = 3\noverloads = true",
    )
    assert [home(renamed, f"T{n} *") for n in range(12)] == homes


SECTIONS = "".join(
    f"namespace s{n} {{\n#define BLOCKS {n + 1}\n"
    "__device__ int twice(int v) { return 2 * v; }\n"
    f"__global__ __launch_bounds__(64, BLOCKS) void fill{n}(int* out, int size) {{\n"
    "  #define first (size + 0)\n  out[first] = twice(size) + BLOCKS;\n}\n"
    f"}}  // namespace s{n}\n#undef BLOCKS\n#undef first\n"
    for n in range(6)
)
LAUNCH = (
    "void launch(int* p) {\n" + "".join(f"  s{n}::fill{n}<<<1, 1>>>(p, {n});\n" for n in range(6)) + "}\n"
)


def test_kernels_go_by_themselves_where_the_rule_says_so():
    bound = deal(SECTIONS + LAUNCH + "void beside() {}\n", "units = 2")
    assert len({home(bound, f"void fill{n}(") for n in range(6)}) == 1
    layout = deal(SECTIONS + LAUNCH, "units = 3\nkernels = true")
    homes = [home(layout, f"void fill{n}(") for n in range(6)]
    assert {*homes} == {"part_1.cpp", "part_2.cpp", "part_3.cpp"}
    # What launches them declares them; their bounds, of macros that differ, stay at the definitions.
    header = next(f.text for f in layout.files if f.path.endswith("internal.h"))
    launcher = home(layout, "void launch(")
    for n in range(6):
        declared = b"__global__ void fill%d(int* out, int size);" % n in header
        assert declared == (homes[n] != launcher)
    edited = deal((SECTIONS + LAUNCH).replace("+ BLOCKS;", "- BLOCKS;", 1), "units = 3\nkernels = true")
    assert [home(edited, f"void fill{n}(") for n in range(6)] == homes


def test_a_kernel_that_no_other_file_can_launch_stays_with_what_launches_it():
    text = "namespace {\n__global__ void hidden(int* p) { *p = 1; }\n}\n"
    text += "template <typename T> __global__ void any(T* p) { *p = 2; }\n"
    text += "static __global__ void own(int* p) { *p = 3; }\n"
    text += "__global__ void given(int* p, int by = 4) { *p = by; }\n"
    text += (
        "void f(int* p) { hidden<<<1, 1>>>(p); any<<<1, 1>>>(p); own<<<1, 1>>>(p); given<<<1, 1>>>(p); }\n"
    )
    text += "".join(f"int g{n}() {{ return {n}; }}\n" for n in range(6))
    layout = deal(text, "units = 3\nkernels = true")
    homes = {home(layout, f"void {name}(") for name in ("hidden", "own", "given", "f")}
    assert len(homes) == 1 and "internal.h" not in homes


def test_macro_calls_of_c_linkage_are_told_apart_by_what_they_are_given():
    text = "#define GET(T, x) T get_##x(S* s) { return s->x; }\n" + 'extern "C" {\n'
    text += "".join(f"GET(int, f{n});\n" for n in range(8)) + "}\n"
    layout = deal(text, "units = 2")
    assert {home(layout, f"GET(int, f{n})") for n in range(8)} == {"part_1.cpp", "part_2.cpp"}


def test_an_error_line_and_an_undef_of_another_file_s_macro_hold_nothing_together():
    text = "#if A\n#define FAST __restrict__\n#else\n#error no such compiler\n#endif\n"
    text += "#if B\n#undef print\nextern int print(int);\n#endif\n"
    text += "".join(f"int f{n}(int* FAST a) {{ return print(*a); }}\n" for n in range(8))
    layout = deal(text, "units = 2")
    assert {home(layout, f"int f{n}(") for n in range(8)} == {"part_1.cpp", "part_2.cpp"}
    assert home(layout, "#error") == "internal.h"


USERS = "".join(f"int f{n}(int a) {{ return helper(a) + {n}; }}\n" for n in range(6))


@pytest.mark.parametrize(
    "head",
    [
        "#define MINE static inline\nMINE",
        "#if A\n#define MINE static __forceinline\n#else\n#define MINE static\n#endif\nMINE",
        "OF_A_HEADER_FORCE_INLINE",
        "MEM_STATIC",
    ],
)
def test_a_macro_before_a_name_says_how_it_is_linked(head):
    layout = deal(head + " int helper(int a) { return a; }\n" + USERS)
    assert home(layout, "helper(int a)") == "internal.h"
    assert b"inline MEM" not in layout.files[1].text and b"inline OF" not in layout.files[1].text


def test_a_macro_that_forbids_inlining_is_no_linkage():
    layout = deal("NOINLINE int helper(int a) { return a; }\n" + USERS)
    assert home(layout, "helper(int a)") != "internal.h"


def test_a_macro_that_ends_is_another_name_below():
    text = "#define ip (*_ip)\nstatic int helper(int* _ip) { return ip; }\n#undef ip\n"
    text += USERS.replace("helper(a)", "helper(&a)") + "int g(int ip) { return ip + helper(&ip); }\n"
    layout = deal(text, "units = 3")
    assert {home(layout, f"int f{n}(") for n in range(6)} > {"part_1.cpp"}
    assert home(layout, "#undef ip") == home(layout, "#define ip") == home(layout, "static int helper")


def test_a_registration_goes_on_behind_its_call_and_what_runs_into_one_is_refused():
    text = USERS.replace("helper(a)", "a")
    assert home(deal(text + 'REGISTER(A, "a").describe("x").set(1);\n'), "REGISTER") == "m.cpp"
    with pytest.raises(RuleMismatch, match="`REGISTER` and what follows it can't be told apart"):
        deal(text + "REGISTER(A) int glued() { return 1; }\n")
    with pytest.raises(RuleMismatch, match="`errors` and what follows it can't be told apart"):
        deal(text + 'struct { int a; } errors[] =\n#include "errors.h"\nstatic int level;\n')
    assert deal(text + 'int values[] = {\n#include "values.h"\n};\n').shards


def test_what_calls_of_macros_make_is_known_by_its_users():
    """By ``##`` on both sides; and, of a foreign macro, by its first argument."""
    text = "#define GETTER(name) int get_##name(int x) { return x; }\n#define ENTRY(name) { get_##name }\n"
    text += "".join(f"GETTER(f{n})\n" for n in range(5)) + "int (*const table[])(int) = {\n"
    text += "".join(f"ENTRY(f{n}),\n" for n in range(5)) + "};\n"
    text += "PyDoc_STRVAR(doc, 1);\n"
    text += USERS.replace("helper(a)", "a") + "const char* said() { return doc; }\n"
    layout = deal(text, "units = 3")
    assert len({home(layout, f"\nGETTER(f{n})") for n in range(5)} | {home(layout, "table[]")}) == 1
    assert home(layout, "PyDoc_STRVAR") == home(layout, "said()")


def test_objects_that_a_c_file_only_reads_are_each_unit_s_own():
    text = "static int table[4] = {1, 2, 3, 4};\nstatic int level = 2;\nstatic int count[2] = {0, 0};\n"
    text += "static const struct { int a; } rows[] = {{4}};\n"
    text += "".join(
        f"int f{n}(int a) {{ return table[a] + level + rows[0].a + {n}; }}\n" for n in range(6)
    ) + "".join(f"int g{n}(int a) {{ return count[a]++; }}\n" for n in range(3))
    rule = _rule('schema = 1\nmonolith = "m.c"\n[[deal]]\nheader = "internal.h"\nunits = 3\n')
    layout = split(rule, "m", "m.c", text.encode())
    assert findings(layout) == []
    assert {home(layout, f"static {name}") for name in ("int table", "int level", "const struct")} == {
        "internal.h"
    }
    assert len({home(layout, f"int g{n}(") for n in range(3)} | {home(layout, "int count")}) == 1
    # In C++ a use may bind a reference, which tokens can't tell.
    assert len({home(deal(text, "units = 3"), f"int f{n}(") for n in range(6)}) == 1


def test_objects_of_c_have_no_order_of_initialisation():
    text = "typedef struct { void* a; } T;\nextern T one;\nstatic int made(int);\n"
    text += "T one = { HEAD_INIT(0) };\nT two = { &one };\nT three = { (void*) made };\n"
    text += "static int made(int a) { return a; }\n"
    rule = _rule(
        'schema = 1\nmonolith = "m.c"\n[[deal]]\nheader = "internal.h"\nrest = "b.c"\n'
        '[deal.shards]\n"a.c" = ["variable two"]\n'
    )
    layout = split(rule, "m", "m.c", text.encode())
    assert findings(layout) == [] and home(layout, "T two = ") == "a.c" != home(layout, "T one = ")


def test_what_a_header_declares_is_not_shared_under_a_name_of_the_layout():
    text = "struct S { int a; };\nconst S known = {1};\nconst S own = {2};\n"
    text += "".join(f"int f{n}() {{ return known.a + own.a + {n}; }}\n" for n in range(6))
    layout = deal(text, 'units = 3\nexternal = ["known"]\nshared = ["variable *"]')
    (where,) = [f for f in layout.files if b"known = " in f.monolith_text]
    assert b"_own {" not in where.text[: where.text.index(b"known = ")].splitlines()[-2]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_a_dealing_is_right_in_c(tmp_path):
    code = b"#include <stdio.h>\ntypedef struct { int a; } T;\nstatic int used(int x) { return x + 1; }\n"
    code += b"int one(int x) { return used(x); }\nint two(T* t) { return used(t->a); }\n"
    code += b"int three(int x) { T t = {x}; return two(&t) + one(x); }\n"
    table = 'header = "internal.h"\n[deal.shards]\n"a.c" = ["function one"]\n"b.c" = ["function t*"]\n'
    rule = _rule(f'schema = 1\nmonolith = "m.c"\n[[deal]]\n{table}')
    layout = split(rule, "m", "m.c", code)
    assert findings(layout) == [] and len(layout.shards) == 2
    for file in layout.files:
        (tmp_path / file.path).parent.mkdir(exist_ok=True)
        (tmp_path / file.path).write_bytes(file.text)
    for unit in (file.path for file in layout.files if file.is_unit):
        command = ["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wno-empty-translation-unit", "-c"]
        subprocess.run([*command, unit, "-o", "unit.o"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("call", ["REG(one)", 'NAMED("x")', "static Reg made(one)"])
def test_an_object_that_registers_is_made_once(call):
    text = "struct Reg { Reg(int (*)()); Reg(const char*); };\n"
    text += "int one() { return 1; }\nint two() { return 2; }\n"
    text += "#define REG(n) static Reg reg_##n(n)\n#define NAMED(n) static Reg named(#n)\n"
    layout = deal(text + f"{call};\n", ONE_AND_TWO)
    assert home(layout, f"{call};") == "m.cpp"


def test_a_constant_is_external_in_c():
    text = "const int limit = 4;\nint one(void) { return limit; }\nint two(void) { return 2; }\n"
    table = '[[deal]]\nheader = "i.h"\n[deal.shards]\n"a.c" = ["function one"]\n"b.c" = ["function two"]\n'
    layout = split(_rule(f'schema = 1\nmonolith = "m.c"\n{table}'), "m", "m.c", text.encode())
    assert home(layout, "const int limit = 4;") == home(layout, "int one(void)") == "a.c"
    texts = {f.path: f.text for f in layout.files}
    texts["m/b.c"] += b"const int limit = 4;\n"
    files = [LayoutText(f.path, texts[f.path], f.is_unit) for f in layout.files]
    assert "doubled" in {f.code for f in compare("m.c", text.encode(), files)}


def test_a_file_in_the_last_branch_of_errors_is_opened():
    text = "#ifndef READY\n#error first\n#elif LEVEL < 3\n#error too old\n#else\n#define ONE 1\n"
    text += "int one() { return ONE; }\nint two() { return ONE + 1; }\n#endif\n"
    layout = deal(text, ONE_AND_TWO)
    assert (home(layout, "int one()"), home(layout, "int two()")) == ("one.cpp", "two.cpp")
    assert home(layout, "#define ONE 1") == "internal.h" and home(layout, "#error too old") == "m.cpp"
    assert layout.by_path["m.cpp"].text.startswith(b'#include "m/internal.h"\n#ifndef READY')
    # Without the errors another branch could define another ONE.
    with pytest.raises(RuleMismatch, match="items of two homes"):
        deal(text.replace("#error too old", "#define ONE 2"), ONE_AND_TWO)


def test_a_function_is_no_macro_where_its_condition_excludes_it():
    text = "#if VERSION >= 13\n#define get(x) (x)\n#endif\n#if FULL && VERSION < 13\n"
    text += "static int get(int x) { return x + 1; }\n#endif\n"
    text += "int one() { return get(1); }\nint two() { return get(2); }\n"
    assert home(deal(text, ONE_AND_TWO), "int get(int x)") == "internal.h"
    with pytest.raises(RuleMismatch, match="`get` is a macro"):
        deal(text.replace("VERSION < 13", "VERSION < 14"), ONE_AND_TWO)


def test_macros_that_lead_to_one_another_by_the_thousand_are_refused():
    chain = "".join(f"#define M{n} M{n - 1}\n" for n in range(1, 1_000))
    with pytest.raises(RuleMismatch, match="macros lead to one another too often"):
        deal(f"#define M0 1\n{chain}int f() {{ return M999; }}\nint g() {{ return 0; }}\n")
