"""Layouts to test the lens on, and edits of them such as people (and accidents) make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from hypothesis import strategies as st

from mergeguard.data import shipped_rules
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout, LayoutFile, Piece, Role
from mergeguard.lens.rule import Rule, parse_rule
from mergeguard.lens.unsplit import unsplit
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare
from tests.support import corpus, toolchain
from tests.support.rules import full_rules

ROOT = Path(__file__).resolve().parents[2]
BOM = b"\xef\xbb\xbf"
FORK = "fork"


@cache
def shipped_rule(name: str, interface: str = "full") -> Rule:
    """A rule of rules/vllm, with this interface."""
    path = f"vllm/{name}.toml"
    rules = shipped_rules() if interface == "thin" else full_rules()
    return parse_rule(rules[path], path)


def findings(layout: Layout) -> list[str]:
    """What tokens say against a layout, without notes."""
    files = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
    return [str(f) for f in compare(layout.path, layout.monolith, files) if f.severity != "note"]


def proved(rule: Rule, path: str, text: bytes) -> Layout:
    """The layout of a small file: the same program by tokens, and unsplit the file again (law 1)."""
    stem = Path(path).stem
    layout = split(rule, stem, path, text)
    problems = findings(layout)
    assert not problems, problems
    unedited = {file.path: file.text for file in layout.files}
    back = unsplit(layout, unedited, lambda changed: split(rule, stem, path, changed))
    assert back.monolith == text and not back.hunks and not back.edits
    return layout


@dataclass(frozen=True)
class Case:
    """A monolith with its rule; ``release`` is None for the project's own fixture.

    ``FORK`` is the fixture in the shape of a fork's file (``fixtures/int4``): its own macros at file scope.
    """

    name: str
    release: str | None
    interface: str = "full"

    def __str__(self) -> str:
        name = f"{self.name}-{self.release or 'fixture'}"
        return name if self.interface == "full" else f"{name}-{self.interface}"

    @property
    def path(self) -> str:
        """The monolith's path."""
        if self.release in (None, FORK):
            return toolchain.MONOLITHS[self.name]
        assert self.release is not None
        return dict(corpus.releases_with(self.name))[self.release]

    @property
    def text(self) -> bytes:
        """The monolith; skips the test where the release can't be had."""
        return _text(self.path, self.release)

    def split(self, text: bytes) -> Layout:
        """The layout of a version of the monolith."""
        return _split(self.name, self.interface, self.path, text)


@cache
def _text(path: str, release: str | None) -> bytes:
    if release == FORK:
        return (ROOT / "fixtures" / "int4" / path.rpartition("/")[2]).read_bytes()
    return (toolchain.COMPILE / path).read_bytes() if release is None else corpus.file(release, path)


@lru_cache(maxsize=256)
def _split(name: str, interface: str, path: str, text: bytes) -> Layout:
    # Layouts are values, and the laws ask for the same one several times an example.
    return split(shipped_rule(name, interface), name, path, text)


def whole(path: str, text: bytes) -> Layout:
    """A monolith as a layout of one file, to apply edits to."""
    return Layout(path, text, (LayoutFile(path, Role.ENTRY, (Piece(text, 0),)),))


# -- forms of a monolith ----------------------------------------------------------------------------


def _without_final_newline(text: bytes) -> bytes:
    return text.rstrip(b"\r\n")


def _mixed_line_endings(text: bytes) -> bytes:
    lines = text.split(b"\n")
    return b"".join(line + (b"\r\n" if n % 3 else b"\n") for n, line in enumerate(lines[:-1])) + lines[-1]


# What a file can look like without being another program. Continued lines keep their backslash last.
FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "mixed line endings": _mixed_line_endings,
    "BOM": lambda text: BOM + text,
    "BOM and CRLF": lambda text: BOM + text.replace(b"\n", b"\r\n"),
    "no final newline": _without_final_newline,
    "no final newline, CRLF": lambda text: _without_final_newline(text).replace(b"\n", b"\r\n"),
    "trailing blank lines": lambda text: text + b"\n\n\t\n",
    "not UTF-8": lambda text: text.replace(b"// ", b"// \xff\xc3 \xe9t\xe9 ").replace(b"/*", b"/* \xc3\x28"),
    "non-ASCII": lambda text: text.replace(b"// ", "// größer → ".encode()),
    "tabs": lambda text: text.replace(b"  ", b"\t"),
}


# -- edits -------------------------------------------------------------------------------------------

# Lines as a developer types them, and as accidents leave them.
_PAYLOADS = (
    b"",
    b"\n",
    b"  // a local note\n",
    b"// note on an item\n",
    b"  int mg_local = 1;\n",
    b"\tint mg_tab\t= 1;\n",
    b"int mg_helper(int a) { return a + 1; }\n",
    b"\n// Rounds up.\ntemplate <typename T>\nT mg_up(T a, T b) {\n  return (a + b - 1) / b;\n}\n",
    b"__global__ void mg_kernel(float* out) {\n  out[0] = 1.f;\n}\n",
    b"static constexpr int kMgTile = 4;\n",
    b"int mg_counter = 0;\n",
    b"#define MG_LOCAL_MACRO(x) ((x) + 1)\n",
    b"#define MG_LONG(x) \\\n  do {             \\\n  } while (x)\n",
    b"#undef MG_LOCAL_MACRO\n",
    b"#pragma unroll\n",
    b"#include <vector>\n",
    b'#include "local.h"\n',
    b'#include "../local.h"\n',
    b"#if defined(LOCAL)\nint mg_conditional;\n#endif\n",
    b"#if defined(LOCAL)\n",
    b"#else\n",
    b"#endif\n",
    b"      case 6:\n        WVSPLIT_TILE(sYT, 6)\n        break;\n",
    b"    case 7:\n      break;\n",
    b'  } else if (kv_cache_dtype == "int8") {\n    f();\n',
    b"using mg_alias = int;\n",
    b"namespace mg_inner {\nint f();\n}  // namespace mg_inner\n",
    b"template void selective_scan_fwd_cuda<float, float, int>(SSMParamsBase &params, cudaStream_t s);\n",
    b"inline\n",
    b"static\n",
    b"inline\nint mg_inline(int a) { return a; }\n",
    b"#if defined(MG_SHARD_instantiate_n1)\n",
    b"#endif  // MG_SHARD_instantiate_n1\n",
    b"#endif  // MG_SHARD_shard_small\n",
    b"MG_ONLY_instantiate_n1(\n",
    b"/* MG_ONLY_instantiate_n1 */)\n",
    b"MG_ONLY_instantiate_n2( f(); /* MG_ONLY_instantiate_n2 */)\n",
    b"}\n",
    b"{\n",
    b")\n",
    b"/* unterminated\n",
    b"*/\n",
    b'"unterminated\n',
    b"'\n",
    b"// gr\xc3\xb6\xc3\x9fer \xe2\x86\x92\n",
    b"// \xff\xfe not UTF-8 \xc3\x28\n",
    b"\xef\xbb\xbf",
    b"  // CRLF\r\n",
    b"\r\n",
    b"\r",
    b"// lone \r inside\n",
    b" \\\n",
    b"// no line ending",
    b"\0",
    b"\x0c\n",
    b"// " + b"long " * 400 + b"\n",
)

OPERATIONS = (
    "insert",
    "insert",
    "insert",
    "delete",
    "delete",
    "replace",
    "replace",
    "move",
    "copy",
    "type",
    "erase",
    "rewrite",
    "line endings",
    "final newline",
    "truncate",
    "remove file",
)


@dataclass(frozen=True)
class Edit:
    """One edit, by numbers that ``apply`` takes modulo what there is (so that any numbers will do)."""

    operation: str
    file: int
    at: int
    length: int
    to: int
    border: bool
    payload: bytes


_payloads = st.one_of(
    st.sampled_from(_PAYLOADS),
    st.sampled_from(_PAYLOADS),
    st.tuples(st.sampled_from(_PAYLOADS), st.sampled_from(_PAYLOADS)).map(b"".join),
    st.binary(max_size=12),
    st.text(alphabet="ab (){};,#\"'/*\\\n\t<>:", max_size=20).map(str.encode),
)

edits = st.builds(
    Edit,
    operation=st.sampled_from(OPERATIONS),
    file=st.integers(0, 30),
    at=st.integers(0, 4000),
    length=st.one_of(st.integers(0, 3), st.integers(0, 60)),
    to=st.integers(0, 4000),
    border=st.booleans(),
    payload=_payloads,
)


def apply(layout: Layout, changes: Sequence[Edit]) -> dict[str, bytes | None]:
    """The layout's files after the edits, in their order."""
    files: dict[str, bytes | None] = {file.path: file.text for file in layout.files}
    # Half of the edits go to files that hold text of the monolith: most layout files are glue only.
    order = [*layout.files, *(f for f in layout.files if len(f.monolith_text) > 200 for _ in range(3))]
    for change in changes:
        _apply(files, layout, order[change.file % len(order)], change)
    return files


def _apply(files: dict[str, bytes | None], layout: Layout, file: LayoutFile, change: Edit) -> None:
    text = files[file.path]
    if text is None:
        return
    lines = text.splitlines(keepends=True)
    at = _line(file, lines, change)
    stop = min(len(lines), at + change.length)
    match change.operation:
        case "insert":
            lines[at:at] = [change.payload]
        case "delete":
            del lines[at:stop]
        case "replace":
            lines[at:stop] = [change.payload]
        case "copy":
            there = change.to % (len(lines) + 1)
            lines[there:there] = lines[at:stop]
        case "move":
            moved = lines[at:stop]
            del lines[at:stop]
            target = layout.files[change.to % len(layout.files)]
            other = files[target.path]
            if target is file or other is None:
                there = change.to % (len(lines) + 1)
                lines[there:there] = moved
            else:
                others = other.splitlines(keepends=True)
                there = change.at % (len(others) + 1)
                others[there:there] = moved
                files[target.path] = b"".join(others)
        case "type" | "erase" | "rewrite":
            offset = sum(map(len, lines[:at])) + change.to % 30
            if change.border and file.starts and text == file.text:
                offset = file.starts[change.at % len(file.starts)]
            width = {"type": 0, "erase": change.length + 1, "rewrite": change.length}[change.operation]
            typed = b"" if change.operation == "erase" else change.payload.rstrip(b"\n")
            lines = [text[:offset], typed, text[offset + width :]]
        case "line endings":
            lines = [line.rstrip(b"\r\n") + b"\r\n" for line in lines]
        case "final newline":
            lines = [text.rstrip(b"\r\n") if text.endswith(b"\n") else text + b"\n"]
        case "truncate":
            lines = lines[:at]
        case "remove file":
            files[file.path] = None
            return
    files[file.path] = b"".join(lines)


def _line(file: LayoutFile, lines: Sequence[bytes], change: Edit) -> int:
    """The index of a line, next to where two pieces meet if the edit asks for that."""
    if change.border and file.starts:
        start = file.starts[change.at % len(file.starts)]
        near = file.text.count(b"\n", 0, start) + change.to % 3 - 1
        return max(0, min(len(lines), near))
    return change.at % (len(lines) + 1)
