"""Small programs with what the compile fixtures lack, each with a rule; and faults of their layouts."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.spoiling import Fault, sequence, swap


@dataclass(frozen=True)
class Small:
    """A program of one file, and its rule."""

    path: str
    text: bytes
    rule: bytes

    @property
    def build(self) -> bytes:
        return b'set(SRC\n  "%s")\n' % self.path.encode()


STATE_RULE = b"""
schema = 1
monolith = "src/state.cu"

[[move]]
to = "common.h"
items = ["include *", "macro *", "host tuned", "type *", "variable *", "alias *", "opaque *", "declaration *"]

[[partition]]
entry = "run"
over = { in = "run", switch = "n" }
discriminator = "n"
body = "dispatch.h"
shards = { "one.cu" = [1], "two.cu" = [2] }
rest = "two.cu"
"""
STATE = b"""#include <cstdio>

struct Settings { int limit; };
using Index = int;
static_assert(sizeof(Index) == sizeof(Settings), "one limit");
constexpr int kLimit = 3;
static const char* const kNames[] = {"a", "b"};
template <typename T> struct Size { static constexpr Index value = 1; };
template <> struct Size<float> { static constexpr Index value = 4; };

int tuned(int n) { return n * kLimit * Size<float>::value; }

int run(int n) {
  switch (n) {
    case 1: return tuned(n) + kNames[0][0];
    case 2: return tuned(n) + kNames[1][0];
    default: std::printf("unsupported\\n"); return -1;
  }
}

REGISTER_OPS(state, m) { m.def("run", &run); }
"""


# Dealt: objects that are initialised from each other, helpers, a specialisation, a function that others call.
LEDGER_RULE = b"""
schema = 1
monolith = "src/ledger.cpp"

[[deal]]
header = "internal.h"

[deal.shards]
"one.cpp" = [
  "function ledger::open", "function ledger::audit", "function ledger::doubled", "variable ledger::clerk",
]
"two.cpp" = ["function ledger::total", "function ledger::tripled"]
"""
LEDGER = b"""#include <cstdio>

namespace ledger {
struct Account { int id; int balance; };

namespace {
int cents(double value) { return static_cast<int>(value * 100); }
}  // namespace

static int opened = 0;
int next_id() { return ++opened; }
int base = next_id();
int second = base + next_id();

Account open(double value) { return Account{next_id(), cents(value)}; }

template <typename T> T times(T value) { return value; }
template <> int times<int>(int value) { return 2 * value; }

struct Book { ~Book() { lines = 0; } int lines = 1; };
Book book;
struct Clerk { ~Clerk() { ++book.lines; } };
Clerk clerk;

int total(const Account* all, int count) {
  int sum = cents(0.5);
  for (int i = 0; i < count; ++i) sum += all[i].balance;
  return sum;
}

int audit(const Account* all, int count) { return total(all, count) + base + second; }
int doubled(int value) { return times(value); }
int tripled(int value) { return times(value) + value; }
}  // namespace ledger
"""

# In a namespace, partitioned and instantiated: emission 3.
SPAN_RULE = b"""
schema = 1
monolith = "src/span.cpp"

[[move]]
to = "common.h"
items = ["include *"]

[[move]]
to = "kernel.h"
items = ["template app::scaled"]
needed = true

[[partition]]
entry = "app::sum"
over = { in = "app::choose", switch = "width" }
body = "dispatch.h"
rest = "wide.cpp"
shards = { "narrow.cpp" = [1], "wide.cpp" = [2] }

[[instantiate]]
template = "app::scaled"
header = "kernel.h"
rest = "wide.cpp"
shards = { "narrow.cpp" = ["float"], "wide.cpp" = ["int"] }
"""
SPAN = b"""#include <cstdio>

namespace app {
namespace detail {
template <int Width> int kernel(int x) { return x * Width; }
}  // namespace detail
using detail::kernel;

int offset() { return 3; }

namespace {
int choose(int width, int x) {
  switch (width) {
    case 1: return kernel<1>(x) + offset();
    case 2: return detail::kernel<2>(x);
    default: return -1;
  }
}
}  // namespace

int sum(int width, int x) { return choose(width, x); }

template <typename T> T scaled(T value) { return 2 * value; }
template int scaled<int>(int value);
template float scaled<float>(float value);
}  // namespace app
"""

# Dealt where it stands: a static function with several callers, with values of its own.
TABLE_RULE = b"""
schema = 1
monolith = "src/table.cpp"
interface = "thin"

[[move]]
to = "common.h"
items = ["include *"]

[[move]]
to = "kernel.h"
needed = true

[[partition]]
entry = "app::look"
over = { in = "app::look", switch = "kind" }
body = "dispatch.h"
rest = "wide.cpp"
shards = { "narrow.cpp" = [1], "wide.cpp" = [2] }
"""
TABLE = b"""#include <cstdio>

namespace app {
static int served = 0;
static int note(int x) { ++served; return x; }

template <int Kind> int kernel(int& x) { return x *= Kind; }

static int look(int key, int& x) {
  const int kind = key % 3;
  switch (kind) {
    case 1: return kernel<1>(x) + note(x);
    case 2: return kernel<2>(x);
    default: return -1;
  }
}

int first(int key, int x) { return look(key, x); }
int again(int key, int x) { return look(key + 1, x) + served; }
}  // namespace app
"""

PROGRAMS = {
    "state": Small("src/state.cu", STATE, STATE_RULE),
    "ledger": Small("src/ledger.cpp", LEDGER, LEDGER_RULE),
    "span": Small("src/span.cpp", SPAN, SPAN_RULE),
    "table": Small("src/table.cpp", TABLE, TABLE_RULE),
}

_CENTS = "int cents(double value) { return static_cast<int>(value * 100); }\n"
_NEXT = "int next_id() { return ++opened; }\n"
_BOOK, _CLERK = "Book book;\n", "Clerk clerk;\n"
_FIRST, _SECOND = "int base = next_id();\n", "int second = base + next_id();\n"
_DECLARED = "int total(const Account* all, int count);  // MG_DECLARATION\n"
_SPECIAL = "template <> int times<int>(int value);  // MG_DECLARATION\n"
_INSIDE = "namespace MG_NS {  // MG_SCOPE\n"
_FLOAT = "template float scaled<float>(float value);\n"
_BY_VALUE = "int& x,"

FAULTS = (
    # A dealing.
    Fault(
        "helper doubled",
        "ledger",
        "added",
        swap("two.cpp", "int total(", f"{_CENTS}int total("),
    ),
    Fault(
        "static object split",
        "ledger",
        "divided state",
        sequence(
            swap("entry", "static int opened = 0;\n", ""),
            swap("internal.h", "int next_id();", "static int opened = 0;\nint next_id();"),
        ),
    ),
    Fault(
        "declaration of another unit's function lost",
        "ledger",
        "self-contained",
        swap("internal.h", _DECLARED, ""),
    ),
    Fault(
        "declaration of a specialisation lost", "ledger", "self-contained", swap("internal.h", _SPECIAL, "")
    ),
    Fault(
        "order of initialisation changed",
        "ledger",
        "initialisation",
        swap("one.cpp", _FIRST + _SECOND, _SECOND + _FIRST),
    ),
    Fault(
        "object initialised from another unit's",
        "ledger",
        "initialisation",
        sequence(
            swap("one.cpp", _FIRST, ""),
            swap("two.cpp", "\nint total(", f"\n{_FIRST}int total("),
            swap("internal.h", "int next_id();", "extern int base;\nint next_id();"),
        ),
    ),
    Fault(
        "order of destruction changed",
        "ledger",
        "destruction",
        sequence(
            swap("one.cpp", _BOOK, f"extern {_BOOK}"),
            swap("one.cpp", _CLERK, _CLERK + _BOOK),
        ),
    ),
    Fault(
        "dealt to two units",
        "ledger",
        "doubled",
        swap("two.cpp", "int tripled", "int doubled(int value) { return times(value); }\nint tripled"),
    ),
    Fault(
        "dealt to none",
        "ledger",
        "lost",
        swap("two.cpp", "int tripled(int value) { return times(value) + value; }\n", ""),
    ),
    Fault(
        "opened again under another name",
        "ledger",
        "added",
        swap("two.cpp", "namespace ledger {", "namespace ledgers {"),
    ),
    Fault(
        "anonymous namespace lost in the header",
        "ledger",
        "added",
        swap("internal.h", "namespace {\ninline\n" + _CENTS + "}  // namespace\n", "inline\n" + _CENTS),
    ),
    # Blocks opened: a partition and an instantiation in a namespace.
    Fault(
        "shard's namespace lost",
        "span",
        "doubled",
        sequence(
            swap("dispatch.h", _INSIDE, ""),
            swap("dispatch.h", "}  // MG_SCOPE\nusing namespace ::app::MG_NS;  // MG_SCOPE\n", ""),
        ),
    ),
    Fault("using line lost", "span", "lost", swap("kernel.h", "using detail::kernel;\n", "")),
    Fault(
        "declaration for the shards lost",
        "span",
        "self-contained",
        swap("kernel.h", "int offset();  // MG_DECLARATION\n", ""),
    ),
    Fault(
        "instantiated by two shards",
        "span",
        "doubled",
        swap("wide.cpp", "template int", _FLOAT + "template int"),
    ),
    Fault("instantiated by none", "span", "lost", swap("narrow.cpp", _FLOAT, "")),
    Fault(
        "entry sends a value to the other shard",
        "span",
        "dispatch",
        swap("entry", "return mergeguard_span_narrow", "return mergeguard_span_wide"),
    ),
    # Text dealt where it stands.
    Fault("declared to take a copy", "table", "dispatch", swap("launch.h", _BY_VALUE, "int x,", 2)),
    Fault(
        "value of the shard dropped",
        "table",
        "dispatch",
        swap("entry", "return mergeguard_table_narrow", "mergeguard_table_narrow"),
    ),
    Fault(
        "object copied to the shards",
        "table",
        "divided state",
        swap("kernel.h", "template <int", "static int served = 0;\ntemplate <int"),
    ),
)
