"""Thin layouts: the host function stays in the entry, the shards get the branching's text alone."""

from __future__ import annotations

import re

import pytest

from mergeguard.cpp.source import parse
from mergeguard.errors import RuleError, RuleMismatch
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.emit import split
from mergeguard.lens.homes.assign import assign
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import unsplit
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare, failures

RULE_TEXT = b"""schema = 1
monolith = "src/run.cu"
interface = "thin"

[[move]]
to = "common.h"
items = ["include *", "macro *", "template *", "kernel *"]
needed = true

[[partition]]
entry = "run"
over = { in = "run", switch = "n" }
body = "dispatch.cuh"
rest = "two.cu"

[partition.shards]
"one.cu" = [1]
"two.cu" = [2]
"""
RULE = parse_rule(RULE_TEXT, "run.toml")
HEAD = b"""#include <torch/all.h>
#include <kernels.h>

template <typename T, int N>
void kernel(const T* in, int64_t count, int lds) {}

static int lds_size() { static int size = at::cuda::size(); return size; }

"""
RUN = b"""torch::Tensor run(const at::Tensor& in) {
  auto count = in.numel();
  int64_t n = in.size(0);
#define LAUNCH(_N) kernel<T, _N>(ptr, count, lds_size())
  AT_DISPATCH_REDUCED_FLOATING_TYPES(in.scalar_type(), "run", [&] {
    using T = scalar_t;
    const T* ptr = in.data_ptr<T>();
    switch (n) {
      case 1:
        LAUNCH(1);
        break;
      case 2:
        LAUNCH(2);
        break;
      default:
        throw std::runtime_error("n = " + std::to_string(n));
    }
  });
#undef LAUNCH
  return in;
}
"""


def made(text=HEAD + RUN, rule=RULE):
    layout = split(rule, "run", "src/run.cu", text)
    return layout, {f.path.removeprefix("src/").removeprefix("run/"): f.text for f in layout.files}


def problems(layout, files):
    texts = [
        LayoutText(f.path, files[f.path.removeprefix("src/").removeprefix("run/")], f.is_unit)
        for f in layout.files
    ]
    return [str(f.message) for f in failures(compare(layout.path, layout.monolith, texts))]


def test_what_goes_where():
    layout, files = made()
    assert emission_of(RULE) == 2 and not layout.notes
    assert b"torch" not in b"".join(text for name, text in files.items() if name != "run.cu")
    assert b"auto count = in.numel();" in files["run.cu"] and b"LAUNCH(" not in files["run.cu"]
    assert b"mergeguard_run_one::run_launch<T>(count, n, ptr);\n    break;\n  default:" in files["run.cu"]
    assert b"std::decay_t<decltype(count)>, int64_t>" in files["run.cu"]
    head = (
        b"template <typename T>\nvoid run_launch(\n    int64_t count,\n    int64_t n,\n    const T* ptr) {\n"
    )
    assert head in files["dispatch.cuh"] and b"#define LAUNCH(_N)" in files["dispatch.cuh"]
    assert b"template void MG_NS::run_launch<c10::BFloat16>(" in files["one.cu"]
    assert b"#include <c10/util/Half.h>  // MG_INCLUDE" in files["common.h"]


def test_a_function_of_the_entry_keeps_its_state_there():
    _, files = made()
    assert b"return ::lds_size();" in files["run.cu"]
    assert b"  return size; }" not in files["dispatch.cuh"] and b"int lds_size();" in files["dispatch.cuh"]


def test_it_is_the_same_program_and_comes_back():
    layout, files = made()
    assert problems(layout, files) == []
    back = unsplit(layout, {f.path: f.text for f in layout.files}, lambda t: made(t)[0])
    assert back.monolith == layout.monolith and not back.hunks


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("dispatch.cuh", b"        LAUNCH(2);\n", b"        LAUNCH(2);\n        LAUNCH(3);\n"),
        ("dispatch.cuh", b"kernel<T, _N>(ptr,", b"kernel<T, _N + 1>(ptr,"),
        ("dispatch.cuh", b"LAUNCH(2);\n", b"LAUNCH(2);\n        break;\n      case 7:\n        LAUNCH(7);\n"),
        ("run.cu", b"  int64_t n = in.size(0);\n", b"  int64_t n = in.size(0);\n  check(n);\n"),
        ("run.cu", b"    const T* ptr", b"    const long extra = 1;\n    const T* ptr"),
        ("common.h", b"int lds) {}", b"int lds) { run(); }"),
    ],
)
def test_edits_go_both_ways(file, old, new):
    layout, files = made()
    assert files[file].count(old) == 1
    edited = {f"src/run/{n}" if n != "run.cu" else "src/run.cu": t for n, t in files.items()}
    path = next(p for p in edited if p.endswith("/" + file))
    edited[path] = edited[path].replace(old, new)
    result = unsplit(layout, edited, lambda t: made(t)[0])
    assert not result.hunks
    assert result.monolith == layout.monolith.replace(old, new)
    assert result.layout.by_path[path].text == edited[path]


def test_a_new_local_widens_the_interface():
    before = RUN.replace(b"    const T* ptr", b"    const long extra = 1;\n    const T* ptr")
    layout, files = made(HEAD + before)
    assert b"extra)" not in files["run.cu"]
    edited = {f.path: f.text.replace(b"LAUNCH(2);", b"LAUNCH(2 + extra);") for f in layout.files}
    result = unsplit(layout, edited, lambda t: made(t)[0])
    assert not result.hunks
    entry = result.layout.by_path["src/run.cu"].text
    assert b"run_launch<T>(count, n, extra, ptr);" in entry


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"LAUNCH(2);", b"LAUNCH(in.size(1));", "uses `in`, which is a const at::Tensor&"),
        (b"LAUNCH(2);", b"count = 3;", "assigns to `count`"),
        (b"LAUNCH(2);", b"++count;", "assigns to `count`"),
        (b"LAUNCH(2);", b"return;", None),
        (b"  });\n#undef", b"  done();\n  });\n#undef", None),
        (b"auto count = in.numel();", b"auto count = total(in);", "the type of `count`"),
        (b"REDUCED_FLOATING_TYPES", b"SOME_TYPES", "which types `T` stands for"),
        (b"  return in;", b"  LAUNCH_AGAIN(LAUNCH(1));\n  return in;", "`LAUNCH` is used beside"),
        (b"#define LAUNCH", b"#if X\n#endif\n#define LAUNCH", None),
    ],
)
def test_what_cant_be_parted_keeps_the_full_interface_and_says_why(old, new, why):
    layout, files = made(HEAD + RUN.replace(old, new, 1))
    if why is None:
        assert not layout.notes and problems(layout, files) == []
        return
    assert len(layout.notes) == 1 and why in layout.notes[0]
    assert b"#include <torch/all.h>" in files["common.h"]


def test_a_macro_that_is_defined_in_the_branching_goes_along_with_it():
    own = RUN.replace(b"        LAUNCH(2);\n", b"#define EMPTY\n        EMPTY LAUNCH(2);\n#undef EMPTY\n")
    layout, files = made(HEAD + own)
    assert not layout.notes and b"#define EMPTY\n        EMPTY LAUNCH(2);" in files["dispatch.cuh"]
    assert problems(layout, files) == []


def test_a_return_needs_the_end_of_the_function():
    text = RUN.replace(b"LAUNCH(2);", b"return;").replace(b"    }\n  });", b"    }\n    done();\n  });")
    layout, _ = made(HEAD + text)
    assert "goes on behind the branching" in layout.notes[0]


def test_the_rule_states_what_the_text_does_not():
    text = RUN.replace(b"auto count = in.numel();", b"auto count = total(in);").replace(b"REDUCED_F", b"F")
    text = text.replace(b"AT_DISPATCH", b"MY_DISPATCH")
    stated = (
        b'interface = "thin"\n\n[thin.types]\ncount = "size_t"\n\n[thin.instances]\nT = ["float", "double"]\n'
    )
    rule = parse_rule(RULE_TEXT.replace(b'interface = "thin"\n', stated), "run.toml")
    layout, files = made(HEAD + text, rule)
    assert not layout.notes and b"run_launch<double>(\n    size_t count," in files["two.cu"]
    assert b"std::decay_t<decltype(count)>, size_t>" in files["run.cu"]


FAULTS = [
    ("run.cu", b"  case 1:", b"  case 2:", "its arm is in"),
    (
        "run.cu",
        b"run_one::run_launch<T>(count, n, ptr)",
        b"run_two::run_launch<T>(count, n, ptr)",
        "arm is in",
    ),
    ("run.cu", b"run_launch<T>(count, n, ptr)", b"run_launch<T>(n, count, ptr)", "more, or less"),
    ("run.cu", b"switch (n) {", b"switch (count) {", "it chooses by count"),
    ("run.cu", b"return ::lds_size();", b"return 1;", "not handed on as it is"),
    ("run.cu", b"int64_t n = in.size(0);", b"int64_t n = in.size(1);", "not the monolith's"),
    ("dispatch.cuh", b"LAUNCH(2)", b"LAUNCH(3)", "not the monolith's"),
    ("dispatch.cuh", b"ptr, count, lds", b"ptr, n, lds", "not the monolith's"),
    ("dispatch.cuh", b"MG_SHARD_one", b"MG_SHARD_two", None),
    ("dispatch.cuh", b"    int64_t n,", b"    int n,", "other parameters than it has"),
    ("launch.h", b"    int64_t n,", b"    int n,", "other parameters than it has"),
    ("two.cu", b"run_launch<c10::Half>", b"run_launch<float>", "for other types"),
    ("two.cu", b"#define MG_SHARD_two\n", b"", "no unit compiles"),
]


@pytest.mark.parametrize(("file", "old", "new", "said"), FAULTS)
def test_faults_are_found(file, old, new, said):
    layout, files = made()
    assert old in files[file]
    found = problems(layout, {**files, file: files[file].replace(old, new, 1)})
    assert found
    assert said is None or any(re.search(re.escape(said), text) for text in found), found


SHAPES = {
    "a static switch with several callers": b"""static void launch(int n, const float* in) {
  switch (n) {
    case 1: one(in); break;
    case 2: two(in); break;
    default: fail(n);
  }
}
void forward(int n, const float* in) { launch(n, in); }
void backward(int n, const float* in) { launch(n + 1, in); }
""",
    "a switch over a local that no parameter gives": b"""void launch(const Shape& shape, const float* in) {
  int n = 0;
  for (int i = 0; i < shape.rank; i++) n += shape[i];
  switch (n) {
    case 1: one(in); break;
    case 2: two(in); break;
    default: fail(n);
  }
  finish(shape);
}
""",
    "a member function": b"""void Engine::launch(const float* in) {
  const int n = rows();
  switch (n) {
    case 1: one(in); break;
    case 2: two(in); break;
    default: fail(n);
  }
}
""",
    "in a template": b"""template <typename T>
void launch(int n, const T* in) {
  switch (n) {
    case 1: one<T>(in); break;
    case 2: two<T>(in); break;
    default: fail(n);
  }
}
template void launch<float>(int, const float*);
""",
}
KERNELS = b"""#include <kernels.h>
template <typename T> void one(const T* in) {}
template <typename T> void two(const T* in) {}
inline void fail(int n) {}
"""


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_that_only_a_choice_in_place_can_deal(shape):
    text = RULE_TEXT.replace(b'entry = "run"', b'entry = "*launch"').replace(b'in = "run"', b'in = "*launch"')
    text = text.replace(b'"thin"\n', b'"thin"\n\n[thin.instances]\nT = ["float"]\n', 1)
    layout, files = made(KERNELS + SHAPES[shape], parse_rule(text, "run.toml"))
    assert not layout.notes and problems(layout, files) == []
    assert b"one(in)" not in files["run.cu"]
    assert b"MG_SHARD_one" in files["dispatch.cuh"]


def test_a_chain_whose_conditions_ask_headers():
    chain = b"""void run(const Tensor2& in, int kind) {
  const auto kinds = in.kinds();
  if (is_contiguous(in) && kind == 1) {
    one(kind);
  } else if (kinds.empty() && kind == 2) {
    two(kind);
  } else {
    fail(kind);
  }
}
"""
    text = RULE_TEXT.replace(b'switch = "n"', b'chain = "kind"').replace(b"[1]", b'["== 1"]')
    text = text.replace(b"[2]", b'["== 2"]')
    with pytest.raises(RuleMismatch, match=r"can't be thin: .* type of `kinds`"):
        made(KERNELS.replace(b"const T* in", b"T in") + chain, parse_rule(text, "run.toml"))
    text = text.replace(b'"thin"\n', b'"thin"\n\n[thin.types]\nkinds = "Kinds"\n', 1)
    layout, files = made(KERNELS.replace(b"const T* in", b"T in") + chain, parse_rule(text, "run.toml"))
    assert not layout.notes and problems(layout, files) == []
    assert b"if (is_contiguous(in) && kind == 1) {\n  mergeguard_run_one::run_launch(" in files["run.cu"]


LAUNCHERS = (
    HEAD
    + b"""enum class Kind { a, b };
#define LAUNCH(_N) kernel<T, _N + SIZE>(ptr, count, THREADS, K)

template <typename T, Kind K, int SIZE, bool WIDE = false>
void launcher(const at::Tensor& in) {
  int64_t count = in.numel();
  int n = in.size(0);
  const T* ptr = in.data_ptr<T>();
  constexpr int WARPS = WIDE ? 4 : 2;
  constexpr int THREADS = 32 * WARPS;
  switch (n) {
    case 1:
      LAUNCH(1);
      break;
    case 2:
      LAUNCH(2);
      break;
    default:
      throw std::runtime_error("n");
  }
}

#define CALL_SIZE(T, K, SIZE) launcher<T, K, SIZE>(in)
#define CALL(T, K)      \\
  if (size == 8) {      \\
    CALL_SIZE(T, K, 8); \\
  } else {              \\
    CALL_SIZE(T, K, 16); \\
  }
#if defined(ALSO_WIDE)
  #define CALL_WIDE launcher<double, Kind::a, (1 < 2), true>(in)
#else
  #define CALL_WIDE launcher<double, Kind::a, 32>(in)
#endif

void run(const at::Tensor& in, int size) {
  if (in.is_half()) {
    CALL(std::complex<half>, Kind::a);
  } else if (size) {
    CALL(float, Kind::b);
  } else {
    CALL_WIDE;
  }
}
"""
)
OF_LAUNCHERS = parse_rule(
    RULE_TEXT.replace(b'entry = "run"', b'entry = "launcher"').replace(b'in = "run"', b'in = "launcher"'),
    "run.toml",
)


def test_a_template_is_instantiated_for_what_macros_call_it_with():
    layout, files = made(LAUNCHERS, OF_LAUNCHERS)
    assert layout.notes == ()
    launch = files["dispatch.cuh"].decode()
    assert "template <typename T, Kind K, int SIZE, bool WIDE>\nvoid launcher_launch(" in launch
    # WARPS is made of WIDE, so the launch function needs it.
    assert "constexpr int WARPS = WIDE ? 4:2;  // MG_CONSTANT\nconstexpr int THREADS = 32*WARPS;" in launch
    made_for = re.findall(r"launcher_launch<(.*?)>\(", files["one.cu"].decode())
    assert made_for == [
        "std::complex<half>, Kind::a, 8, false",
        "std::complex<half>, Kind::a, 16, false",
        "float, Kind::b, 8, false",
        "float, Kind::b, 16, false",
        # Both definitions of a macro count: nothing is evaluated.
        "double, Kind::a, (1<2), true",
        "double, Kind::a, 32, false",
    ]
    assert "launcher_launch<T, K, SIZE, WIDE>(" in files["run.cu"].decode()
    assert problems(layout, files) == []
    again = unsplit(layout, {f.path: f.text for f in layout.files}, lambda text: made(text, OF_LAUNCHERS)[0])
    assert again.monolith == LAUNCHERS


def test_a_call_more_is_an_instantiation_more():
    more = LAUNCHERS.replace(b"    CALL_WIDE;", b"    CALL_WIDE;\n    CALL_SIZE(int, Kind::a, 64);")
    more += b"template void launcher<char, Kind::b, 1>(const at::Tensor&);\n"
    _, files = made(more, OF_LAUNCHERS)
    for called in (b"int, Kind::a, 64, false", b"char, Kind::b, 1, false"):
        assert b"launcher_launch<" + called + b">(" in files["two.cu"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"32 * WARPS;", b"32 * n;", "the constant `THREADS`, which an arm uses, is made of `n`"),
        (b"void run(const", b"template <typename U> void run(const", "does not say which types `T` stands"),
        (b"CALL(float, Kind::b);", b"launcher<float>(in);", "does not say which types `T` stands for"),
        (b"CALL(float, Kind::b);", b"launcher(in);", "does not say which types `T` stands for"),
        (b"CALL(float, Kind::b);", b"using U = half; CALL(U, Kind::b);", "which types `T` stands for"),
        (b"CALL(float, Kind::b);", b"typedef half U; CALL(U, Kind::b);", "which types `T` stands for"),
    ],
)
def test_what_a_template_is_called_with_may_not_be_in_sight(old, new, why):
    text = LAUNCHERS.replace(old, new)
    assert text != LAUNCHERS
    with pytest.raises(RuleMismatch, match=re.escape(why)):
        assign(OF_LAUNCHERS, "src/run.cu", parse(text), thin=True)


def test_a_constant_of_its_own_is_a_fault():
    layout, files = made(LAUNCHERS, OF_LAUNCHERS)
    files["dispatch.cuh"] = files["dispatch.cuh"].replace(b"32*WARPS;  //", b"64*WARPS;  //")
    (said,) = problems(layout, files)
    assert said == "the host function has no `constexpr int THREADS = 64*WARPS;`"


CHECKED = RUN.replace(b"throw std::runtime_error(", b"TORCH_CHECK(false, ")


def test_shards_that_use_what_hosts_headers_declare_say_so():
    (note,) = made(HEAD + CHECKED)[0].notes
    assert "`TORCH_CHECK`" in note and "[thin] include" in note


def test_a_macro_of_the_shards_chooses_what_upstreams_headers_read():
    text = RULE_TEXT.replace(
        b"[[move]]", b'[thin]\ninclude = ["<c10/util/Exception.h>"]\ndefine = ["LIGHT 1"]\n\n[[move]]', 1
    )
    layout, files = made(HEAD + CHECKED, parse_rule(text, "run.toml"))
    assert layout.notes == ("assumed that headers mean the same to the shards, which define `LIGHT`",)
    above = files["one.cu"].partition(b'#include "dispatch.cuh"')[0]
    lines = b"#include <c10/util/Exception.h>  // MG_INCLUDE\n#define LIGHT 1  // MG_INCLUDE\n"
    assert above.endswith(lines)
    assert not any(b"LIGHT" in files[name] for name in ("run.cu", "common.h", "dispatch.cuh"))
    assert not problems(layout, files)
    rule = parse_rule(text, "run.toml")
    back = unsplit(layout, {f.path: f.text for f in layout.files}, lambda t: made(t, rule)[0])
    assert back.monolith == HEAD + CHECKED


@pytest.mark.parametrize("odd", ["1LIGHT", "LIGHT 1 // no", "LIGHT 1\\\\nint x;"])
def test_a_definition_is_one_line(odd):
    text = RULE_TEXT.replace(b"[[move]]", b'[thin]\ndefine = ["%s"]\n\n[[move]]' % odd.encode(), 1)
    with pytest.raises(RuleError):
        parse_rule(text, "run.toml")
