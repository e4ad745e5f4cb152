"""First rules: for each of the six monoliths one that splits, passes the checks, and can be undone."""

from __future__ import annotations

import re
from functools import partial

import pytest

from mergeguard.cpp.source import parse
from mergeguard.errors import RuleMismatch, SourceError
from mergeguard.fork.check import check_includes
from mergeguard.lens.agreement import all_choices
from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import unsplit
from mergeguard.propose.headers import RepositoryHeaders
from mergeguard.propose.propose import propose
from mergeguard.verify import same_program
from mergeguard.verify.flatten import LayoutText
from tests.conftest import corpus_versions
from tests.support import corpus
from tests.support.forks import COMPILE
from tests.support.layouts import FORK, Case

MONOLITHS = sorted(path.relative_to(COMPILE).as_posix() for path in COMPILE.rglob("*.cu"))


def has(root, path):
    return (root / path).exists()


def check(proposal, path, text):
    """The rule's text alone gives the layout, which is the same program and gives the file back."""
    rule = parse_rule(proposal.text, "first.toml")
    layout = split(rule, proposal.name, path, text)
    assert layout.files == proposal.layout.files
    assert len(layout.shards) >= 2
    back = unsplit(layout, {f.path: f.text for f in layout.files}, lambda t: split(rule, "r", path, t))
    assert back.monolith == text and not back.hunks
    files = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
    assert not same_program.failures(same_program.compare(path, text, files))
    return rule


@pytest.mark.parametrize("path", MONOLITHS)
def test_fixtures(path):
    text = (COMPILE / path).read_bytes()
    rule = check(propose(parse(text), path, partial(has, COMPILE)), path, text)
    name = path.rpartition("/")[2].removesuffix(".cu")
    dealt = {p.entry.removeprefix("::"): p.over.switch or p.over.chain for p in rule.partition}
    dealt |= {i.template: "" for i in rule.instantiate}
    assert (
        dealt
        == {
            "attention": {"paged_attention": "head_size"},
            "paged_attention_v1": {"paged_attention_v1": "head_size"},
            "selective_scan_fwd": {"selective_scan_fwd_cuda": ""},
            "skinny_gemms": {"wvSplitK": "N_in"},
            "skinny_gemms_int4": {"wvSplitK_int4_g": "N_in", "fused_moe_wvSplitK_int4_gemm": "N_in"},
            "skinny_gemms_int8": {"wvSplitK_int8": "N_in", "wvSplitK_int8_sweep": "N_in"},
        }[name]
    )


def test_the_macros_of_a_fork():
    """The switches stand in macros at file scope: they are those of the functions that expand them."""
    path, text = "csrc/rocm/skinny_gemms_int4.cu", Case("skinny_gemms_int4", FORK).text
    rule = check(propose(parse(text), path, partial(has, COMPILE)), path, text)
    assert {p.over.switch for p in rule.partition} == {"N_in"}
    assert {choice.entry: choice.stated for choice in all_choices(rule, path, text)} == {
        "wvSplitK_int4_g": "in_b.size(0)",
        "fused_moe_wvSplitK_int4_gemm": "static_cast<int>(block_size_m)",
    }


def releases(config):
    """Of each monolith the first and the last release of this run: a proposal takes seconds."""
    for name in corpus.MONOLITHS:
        found = corpus.releases_with(name, corpus_versions(config))
        yield from dict.fromkeys(
            (name, *pair)
            for pair in (found if config.getoption("--all-releases") else found[:1] + found[-1:])
        )


def test_real_files(pytestconfig):
    seen = set()
    for name, version, path in releases(pytestconfig):
        text = corpus.file(version, path)
        root = corpus.path(version)
        rule = check(propose(parse(text), path, partial(has, root)), path, text)
        assert rule.monolith == path
        seen.add(name)
    assert len(seen) == 5


PLAIN = b"""#include "beside.h"
#include "elsewhere.h"
#include <vector>

namespace app {
template <int N>
int work(int x) { return x * N; }
}  // namespace app

int run(int n, int x) {
  switch (n) {
    case 1: return app::work<1>(x) + app::work<11>(x);
    case 2: return app::work<2>(x) + app::work<12>(x);
    case 3: return app::work<3>(x) + app::work<13>(x);
    default: return -1;
  }
}
"""


def test_plain_cpp_with_includes_beside_it():
    proposal = propose(parse(PLAIN), "src/run.cpp", {"src/beside.h"}.__contains__)
    rule = check(proposal, "src/run.cpp", PLAIN)
    assert rule.includes.beside == ("beside.h",)
    assert [f.path for f in proposal.layout.shards] == [f"src/run/shard_{n}.cpp" for n in (1, 2, 3)]
    assert b'"../beside.h"' in proposal.layout.by_path["src/run/common.h"].text
    assert b'"elsewhere.h"' in proposal.layout.by_path["src/run/common.h"].text


def test_another_folder_where_files_would_be_overwritten():
    proposal = propose(parse(PLAIN), "src/run.cpp", {"src/run/common.h"}.__contains__)
    assert check(proposal, "src/run.cpp", PLAIN).layout == "run_shards"


def test_many_arms_are_grouped_and_fallthrough_stays_together():
    arms = "".join(f"    case {n}: return app::work<{n}>(x);\n" for n in range(12))
    arms = arms.replace("case 3: return app::work<3>(x);", "case 3: x += app::work<3>(x);")
    text = re.sub(rb"    case 1:.*(?=    default)", arms.encode(), PLAIN, flags=re.DOTALL)
    rule = check(propose(parse(text), "src/run.cpp", lambda _: False), "src/run.cpp", text)
    (partition,) = rule.partition
    assert 3 <= len(partition.shards) <= 5
    assert max(map(len, partition.shards.values())) <= 4
    assert [label for group in partition.shards.values() for label in group] == list(range(12))
    (home,) = [group for group in partition.shards.values() if 3 in group]
    assert 4 in home


def test_labels_that_are_not_numbers():
    text = PLAIN
    for n in (b"1", b"2", b"3"):
        text = text.replace(b"case %s:" % n, b"case ns::Kind::k\xc3\xa9%s:" % n)
    rule = check(propose(parse(text), "run.cu", lambda _: False), "run.cu", text)
    assert list(rule.partition[0].shards.values()) == [(f"ns::Kind::ké{n}",) for n in (1, 2, 3)]


def test_a_file_that_nothing_splits():
    with pytest.raises(RuleMismatch, match=r"all that it defines for other files is `x`$"):
        propose(parse(b"int x;\n"), "x.cu", lambda _: False)
    hidden = PLAIN.replace(b"int run(int n, int x) {", b"static int run(int n) {\n  const auto x = get();")
    with pytest.raises(RuleMismatch, match=r"run, line 12: the type of `x`, which an arm uses"):
        propose(parse(hidden), "x.cu", lambda _: False)


@pytest.mark.parametrize(
    ("before", "after", "entry"),
    [
        (b"int run(", b"namespace app {\nint run(", "app::run"),
        (b"int run(", b"static int run(", "::run"),
        (b"int run(", b"namespace {\nint run(", "::run"),
        (b"int run(", b'extern "C" int run(', "::run"),
        (b"int run(int n, int x) {", b"int run(int k, int x) {\n  int n = pick(k);", "::run"),
        (b"int run(", b"struct Foo { int run(int n, int x); };\nint Foo::run(", "::Foo::run"),
    ],
)
def test_a_choice_anywhere_is_dealt(before, after, entry):
    text = PLAIN.replace(before, after) + (b"}\n" if b"namespace" in after else b"")
    made = propose(parse(text), "x.cu", lambda _: False)
    assert f'entry = "{entry}"' in made.text.decode().replace('"Foo', '"::Foo')
    assert (b'interface = "thin"' in made.text) == (entry.startswith("::"))
    assert len(made.layout.shards) == 3


def test_instantiations_by_macro_and_specialisations_are_dealt():
    body = b"{ int y = 0;" + b" y += x * y;" * 40 + b" return y; }\n"
    general = b"namespace app {\ntemplate <typename T>\nint work(T x) " + body
    calls = b"".join(b"WORK(%s)\n" % t for t in (b"int", b"long", b"short"))
    macro = general + b"#define WORK(T) template int work<T>(T);\n" + calls + b"}\n"
    special = b"template <typename T>\nint work(T x);\n"
    special += b"".join(b"template <>\nint work<%s>(%s x) %s" % (t, t, body) for t in (b"int", b"long"))
    for text, name, count in ((macro, "app::work", 3), (special, "::work", 2)):
        made = propose(parse(text), "x.cu", lambda _: False)
        assert f'template = "{name}"' in made.text.decode() and len(made.layout.shards) == count


def test_a_split_that_gains_nothing_is_not_proposed():
    heavy = b"int all(int x) {\n%s  return x;\n}\n"
    heavy %= b"".join(b"  x += app::work<%d>(x);\n" % n for n in range(200))
    with pytest.raises(RuleMismatch, match=r"only \d % lighter"):
        propose(parse(PLAIN + heavy), "x.cu", lambda _: False)


@pytest.mark.parametrize("text", [b"void f() {", b"/* no end", b"}"])
def test_unreadable_files(text):
    with pytest.raises(SourceError):
        propose(parse(text), "x.cu", lambda _: False)


def test_many_functions_are_dealt_and_the_seed_balances_them():
    body = b" ".join(b"if (a > %d) a += %d;" % (n, n) for n in range(120))
    text = b'#include "beside.h"\nnamespace app {\n'
    text += b"".join(b"int f%d(int a) { %s return a; }\n" % (n, body) for n in range(8)) + b"}\n"
    proposal = propose(parse(text), "src/many.cpp", {"src/beside.h"}.__contains__)
    rule = check(proposal, "src/many.cpp", text)
    (deal,) = rule.deal
    assert proposal.chosen == (f"8 independent definitions, dealt to {deal.units + 1} units",)
    loads = [f.monolith_text.count(b"return") for f in proposal.layout.files if f.is_unit]
    assert deal.entry and len(loads) == deal.units + 1
    assert sum(loads) == 8 and min(loads) > 0 and max(loads) <= 3
    assert rule.includes.beside == ("beside.h",)


def test_overloads_of_one_name_are_dealt_one_by_one_where_they_are_most_of_the_file():
    text = "int start(int a) { return a; }\n"
    text += "".join(f"int Visitor::visit(Node{n}* x) {{ {'use(x);' * 160} return {n}; }}\n" for n in range(8))
    made = propose(parse(text.encode()), "src/visit.cpp", lambda _: False)
    (deal,) = check(made, "src/visit.cpp", text.encode()).deal
    assert deal.overloads and deal.units
    assert made.chosen == (f"9 independent definitions, dealt to {deal.units + 1} units",)


def test_kernels_that_one_function_launches_are_dealt_one_by_one():
    body = "p[0] += 1; " * 600
    text = "".join(f"__global__ void k{n}(int* p) {{ {body} }}\n" for n in range(12))
    text += "void launch(int* p) { " + "".join(f"k{n}<<<1, 1>>>(p); " for n in range(12)) + "}\n"
    made = propose(parse(text.encode()), "src/fill.cu", lambda _: False)
    rule = parse_rule(made.text, "first.toml")
    assert split(rule, made.name, "src/fill.cu", text.encode()).files == made.layout.files
    (deal,) = rule.deal
    assert deal.kernels and deal.units
    assert made.chosen == (f"13 independent definitions, dealt to {deal.units + 1} units",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "static auto n = 0;\n" + "".join(f"int f{k}() {{ return n += {k}; }}\n" for k in range(6)),
            r"7 of its definitions, 100 % of it, hang together by `n`$",
        ),
        (
            "#define f g\nint f() { return 1; }\nint b() { return 2; }\n",
            r"its definitions can't be dealt: line 2: `f` is a macro: what it names here can't be told$",
        ),
        ("PYBIND11_MODULE(m, x) { x.def(1); }\n", r"`PYBIND11_MODULE` with what it calls is 100 % of it$"),
        ("#include <a>\n", r"it defines nothing for other files$"),
    ],
)
def test_a_refusal_says_what_holds_the_file_together(text, reason):
    with pytest.raises(RuleMismatch, match=reason):
        propose(parse(text.encode()), "x.cpp", lambda _: False)


def test_one_sentence_says_why_a_deal_would_not_pay():
    text = b"int small() { return 1; }\nint large(int a) {\n" + b"a += a * a;\n" * 400 + b"return a; }\n"
    with pytest.raises(RuleMismatch, match=r": `large` with what it calls is 9\d % of it$"):
        propose(parse(text), "x.cpp", lambda _: False)


def test_file_names_drop_what_all_labels_begin_with():
    text = PLAIN
    for number in (1, 2, 3):
        text = text.replace(b"case %d:" % number, b"case GGML_TYPE_IQ%d_XXS:" % number)
    made = propose(parse(text), "x.cu", lambda _: False)
    assert [f.path for f in made.layout.shards] == [f"x/shard_iq{n}_xxs.cu" for n in (1, 2, 3)]


def test_ifs_that_return_are_proposed():
    ifs = b"".join(b"  if (n == %d) {\n    return app::work<%d>(x);\n  }\n" % (n, n) for n in (1, 2, 3))
    start, end = PLAIN.index(b"  switch"), PLAIN.rindex(b"}")
    made = propose(parse(PLAIN[:start] + ifs + b"  return -1;\n" + PLAIN[end:]), "x.cu", lambda _: False)
    assert b'sequence = "n"' in made.text and len(made.layout.shards) == 3


def test_where_headers_are_the_cost_it_is_said_beforehand():
    made = propose(parse(PLAIN), "x.cpp", lambda _: False)
    assert made.with_headers > made.heaviest and made.work > 100
    light = propose(parse(PLAIN.replace(b"x * N", b"x * N" + b" + x" * 400)), "x.cpp", lambda _: False)
    assert not light.advice and light.with_headers < 80
    heavy = propose(parse(b"#include <torch/all.h>\n" + PLAIN), "x.cpp", lambda _: False)
    assert "pays little" in heavy.advice and heavy.work > 250


def test_headers_that_cost_more_than_they_share_make_fewer_units():
    body = b" ".join(b"if (a > %d) a += %d;" % (n, n) for n in range(120))
    functions = b"".join(b"int f%d(int a) { %s return a; }\n" % (n, body) for n in range(8))
    light = propose(parse(functions), "x.cpp", lambda _: False)
    text = b'#include "all.h"\n' + functions
    files = {"x.cpp": text, "include/all.h": b"#include <torch/all.h>\n"}
    heavy = propose(parse(text), "x.cpp", files.__contains__, RepositoryHeaders(files, files.get))
    assert len(light.layout.shards) > len(heavy.layout.shards) == 1
    assert "pays little" in heavy.advice and not light.advice


def test_an_include_means_what_stands_beside_it_or_else_the_nearest():
    paths = ("a/x.h", "b/x.h", "b/include/p/x.h", "c/include/p/x.h")
    headers = RepositoryHeaders(paths, lambda _: b'#include <vector>\n  # include "x.h"\n')
    assert headers.find("x.h", "a/f.cpp") == "a/x.h"
    assert headers.find("p/x.h", "c/src/f.cpp") == "c/include/p/x.h"
    assert headers.find("../b/x.h", "a/f.cpp") == "b/x.h"
    assert headers.find("q/x.h", "a/f.cpp") is None
    assert headers.includes("a/x.h") == ("vector", "x.h")


def test_a_constant_that_a_header_declares_is_one_object():
    text = b'#include "limits.h"\nnamespace app {\nconst int limit = 7;\nconst int own = 8;\n'
    body = b" ".join(b"if (a > %d) a += own;" % n for n in range(120))
    text += b"".join(b"int f%d(int a) { %s return a; }\n" % (n, body) for n in range(6))
    text += b"int scaled(int a) { return a * limit; }\n}\n"
    files = {"src/x.cpp": text, "src/limits.h": b"namespace app { extern const int limit; }\n"}
    made = propose(parse(text), "src/x.cpp", files.__contains__, RepositoryHeaders(files, files.get))
    check(made, "src/x.cpp", text)
    assert b'external = ["app::limit"]' in made.text
    header = made.layout.by_path["src/x/internal.h"].text
    assert b"const int own = 8;" in header and b"limit = 7" not in header


def test_what_other_files_call_keeps_its_linkage():
    text = PLAIN.replace(b"int run(", b"int helper(int x) { return 3 * x; }\n\nint run(")
    text = text.replace(b"app::work<1>(x)", b"app::work<1>(helper(x))")
    made = propose(parse(text), "x.cpp", lambda _: False)
    assert b'entry = "::run"' in made.text and b'interface = "thin"' not in made.text
    (entry,) = (file for file in made.layout.files if file.path == "x.cpp")
    assert b"int helper(int x) { return 3 * x; }" in entry.text and b"inline" not in entry.text


SORTED = b'#include "../extern/sort.h"\n' + b"".join(
    b"int f%d(int a) { return sorted(a) + %d; }\n" % (n, n) for n in range(6)
)


def test_an_include_with_dots_that_a_search_path_gives_is_looked_for_as_compilers_do():
    """`../extern/sort.h` is not beside the file, but beside `lib`, which is on the search path."""
    path = "lib/core/m.cpp"
    files = {path: SORTED, "extern/sort.h": b"#pragma once\ninline int sorted(int a) { return a; }\n"}
    made = propose(parse(SORTED), path, files.__contains__, RepositoryHeaders(files, files.get))
    assert b'searched = ["../extern/sort.h"]' in made.text
    rule = parse_rule(made.text, "m")
    assert split(rule, "m", path, SORTED).files == made.layout.files
    header = made.layout.by_path["lib/core/m/internal.h"].text
    assert b'#if __has_include("../../extern/sort.h")' in header
    assert b'\n#include "../extern/sort.h"\n' in header
    assert [*check_includes("m", rule, made.layout, files.__contains__)] == []
    # Where it is asked for elsewhere, or not at all, it is another include than the monolith's.
    elsewhere = header.replace(b'("../../ext', b'("../../../ext')
    texts = {file.path: elsewhere if file.text == header else file.text for file in made.layout.files}
    wrong = [LayoutText(file.path, texts[file.path], file.is_unit) for file in made.layout.files]
    assert "include" in {found.code for found in same_program.compare(path, SORTED, wrong)}
    # From the layout's folder `../extern` is the one beside the file: it may not be there.
    files["lib/core/extern/sort.h"] = b""
    with pytest.raises(RuleMismatch, match="another from the layout's folder"):
        propose(parse(SORTED), path, files.__contains__, RepositoryHeaders(files, files.get))
    (said,) = check_includes("m", rule, made.layout, files.__contains__)
    assert said.message == "from here it means lib/core/extern/sort.h"


HEADERS = {
    "once.cuh": b"#pragma once\nint pick(int x) { return x; }\n",
    "state.h": b"#ifndef S\n#define S\nstatic int seen = 0;\n#endif\n",
    "asked.h": b"int f(int);\n#ifdef ASKED_IMPLEMENTATION\nint f(int x) { return x; }\n#endif\n",
    "shared.h": b"#define API inline\nAPI int g(int x) { return x; }\nOTHER int h(int x) { return x; }\n"
    b"static const int k = 1;\ntemplate <typename T> T t(T x) { return x; }\n#if A > 1\nint z;\n#endif\n",
}


@pytest.mark.parametrize(
    ("head", "use", "reason"),
    [
        ('#include "once.cuh"', "pick", r"once.cuh defines `pick`, which only one unit may"),
        ('#include "state.h"', "seen +", r"state.h has `seen`, of which each unit would have one of its own"),
        (
            '#define ASKED_IMPLEMENTATION\n#include "asked.h"',
            "f",
            r"asked.h defines `f`, which only one unit",
        ),
        ('#include "asked.h"', "f", ""),
        ('#include "shared.h"', "k +", ""),
    ],
)
def test_a_header_that_defines_for_one_unit_keeps_the_file_whole(head, use, reason):
    text = head + "\n" + "".join(f"int f{n}(int a) {{ return {use} (a) + {n}; }}\n" for n in range(6))
    files = {**HEADERS, "m.cu": text.encode()}
    tree = RepositoryHeaders(files, files.get)
    if reason:
        with pytest.raises(RuleMismatch, match=reason):
            propose(parse(text.encode()), "m.cu", files.__contains__, tree)
    else:
        assert propose(parse(text.encode()), "m.cu", files.__contains__, tree).layout.shards
    # Another unit that reads the header shows that all may: else they would not link.
    files["other.cu"] = b'#include "once.cuh"\n#include "state.h"\n'
    if "IMPLEMENTATION" not in head:
        tree = RepositoryHeaders(files, files.get)
        assert propose(parse(text.encode()), "m.cu", files.__contains__, tree).layout.shards


def test_what_a_file_keeps_to_itself_is_shared_where_it_holds_the_file_together():
    text = "static int calls = 0;\n"
    text += "".join(f"int f{n}(int a) {{ ++calls; return a * a + {n} * calls; }}\n" for n in range(9))
    made = propose(parse(text.encode()), "x.cpp", lambda _: False)
    assert b'shared = ["variable *", "function *"]' in made.text
    made = propose(parse(text.replace("f0(int", "f0(char").encode()), "x.c", lambda _: False)
    assert b'shared = ["variable *", "function *"]' in made.text


def test_switches_in_the_arms_of_a_switch_are_dealt_by_both():
    loops = "".join(f"  for (int i = 0; i < N; ++i) x += D * i + {n};\n" for n in range(40))
    text = "template <int N, int D>\nint work(int x) {\n" + loops + "  return x;\n}\n"
    text += "int run(int n, int d, int x) {\n  switch (n) {\n"
    for n in (1, 2):
        arms = "".join(f"        case {d}: return work<{n}, {d}>(x);\n" for d in (32, 64))
        text += f"    case {n}:\n      switch (d) {{\n{arms}        default: return -1;\n      }}\n"
    made = propose(parse(f"{text}    default: return -1;\n  }}\n}}\n".encode()), "x.cpp", lambda _: False)
    assert b'switch = "n", then = "d"' in made.text
    assert len(made.layout.shards) == 4


def test_what_a_header_declares_for_other_files_does_not_become_inline():
    body = b"{ int y = 0;" + b" y += x * y;" * 40 + b" return y; }\n"
    text = b'#include "api.h"\nint helper(int x) ' + body
    text += b"template <typename T>\nint work(T x) { return helper(x) " + b"+ x" * 40 + b"; }\n"
    text += b"".join(b"template int work<%s>(%s);\n" % (t, t) for t in (b"int", b"long", b"short"))

    def hidden(header: bytes) -> bool:
        files = {"api.h": header}
        tree = RepositoryHeaders(files, files.get)
        return b"inline\nint helper" in b"".join(
            f.text for f in propose(parse(text), "m.cu", files.__contains__, tree).layout.files
        )

    assert hidden(b"int other(int);\n") and not hidden(b"int helper(int);\n")
