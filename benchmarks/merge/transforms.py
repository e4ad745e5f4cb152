"""Behaviour-preserving changes T of a file, applied alike to two releases of it.

``make(kind, path, old, new, rng)`` gives (T(old), T(new)) as path -> bytes, or None where T does not apply to
both. The choices (which function, which style) are made once, from what both versions have.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.leaves import leaves_of, match
from mergeguard.cpp.lexer import TokenKind, lex
from mergeguard.cpp.source import parse
from mergeguard.merge.declarations.order import out_of_order

Files = dict[str, bytes]
Maker = Callable[[str, bytes, bytes, random.Random], "tuple[Files, Files] | None"]

_STYLES = ("LLVM", "Mozilla", "WebKit", "Chromium", "Microsoft", "GNU")
_MOVABLE = (Kind.FUNCTION, Kind.KERNEL)


def make(kind: str, path: str, old: bytes, new: bytes, rng: random.Random) -> tuple[Files, Files] | None:
    if b"\r" in old or b"\r" in new:
        return None
    first, *rest = kind.split("+")
    made = _MAKERS[first](path, old, new, rng)
    for name in rest:
        if made is None:
            return None
        before, after = made
        more = _MAKERS[name](path, before[path], after[path], rng)
        if more is None:
            return None
        made = {**before, **more[0]}, {**after, **more[1]}
    return made


def _clang_format(text: bytes, style: str) -> bytes | None:
    beside = os.path.dirname(sys.executable)
    tool = shutil.which("clang-format", path=os.pathsep.join((beside, os.environ.get("PATH", ""))))
    if tool is None:
        raise SystemExit("clang-format is needed: pip install clang-format")
    done = subprocess.run(
        [tool, f"--style={style}", "--assume-filename=x.cu.cpp"], input=text, capture_output=True, check=False
    )
    return done.stdout if done.returncode == 0 and done.stdout else None


def _formatted(path: str, old: bytes, new: bytes, style: str) -> tuple[Files, Files] | None:
    a, b = _clang_format(old, style), _clang_format(new, style)
    return None if a is None or b is None else ({path: a}, {path: b})


def _reformat(path: str, old: bytes, new: bytes, rng: random.Random) -> tuple[Files, Files] | None:
    # Comments that a style adds to new code ("// namespace x") are no layout, and nobody could guess them.
    style = rng.choice(_STYLES)
    return _formatted(path, old, new, f"{{BasedOnStyle: {style}, FixNamespaceComments: false}}")


def _rewrap(path: str, old: bytes, new: bytes, rng: random.Random) -> tuple[Files, Files] | None:
    width, pack = rng.choice((60, 70, 90, 100, 120)), rng.choice(("true", "false"))
    style = (
        f"{{BasedOnStyle: Google, ColumnLimit: {width}, BinPackParameters: {pack}, BinPackArguments: {pack},"
        " SortIncludes: Never, SortUsingDeclarations: false, FixNamespaceComments: false}"
    )
    return _formatted(path, old, new, style)


def _shell(head: bytes, tail: bytes, indent: bytes) -> Callable[[bytes], bytes | None]:
    def wrap(text: bytes) -> bytes | None:
        if b'R"' in text:
            return None
        lines = text.splitlines(keepends=True)
        start = _below_includes(lines)
        if start is None or not b"".join(lines[start:]).strip():
            return None
        if lines and not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        body = [line if not line.strip() or line[:1] == b"#" else indent + line for line in lines[start:]]
        return b"".join([*lines[:start], head, *body, tail])

    return wrap


def _below_includes(lines: list[bytes]) -> int | None:
    """The line below the last ``#include`` and the conditions around it; None where code stands above it."""
    depth, start, found = 0, None, False
    for index, line in enumerate(lines):
        if re.match(rb"\s*#\s*if", line):
            depth += 1
        elif re.match(rb"\s*#\s*endif", line):
            depth -= 1
        elif re.match(rb"\s*#\s*include", line):
            found = True
        if found and depth == 0:
            start, found = index + 1, False
    above = b"".join(lines[:start]) if start is not None else b""
    code = re.sub(rb"//[^\n]*|/\*.*?\*/|(?m:^[ \t]*#(?:[^\n\\]|\\.)*)", b"", above, flags=re.DOTALL)
    return start if start is not None and not code.strip() and not found else None


def _reindent(path: str, old: bytes, new: bytes, rng: random.Random) -> tuple[Files, Files] | None:
    wrap = rng.choice(
        (
            _shell(b"#if defined(MG_SPLIT)\n", b"#endif  // MG_SPLIT\n", b"  "),
            _shell(b"namespace mg_inner {\n", b"}  // namespace mg_inner\n", b"  "),
            _shell(b"namespace mg_inner {\n", b"}  // namespace mg_inner\n", b"    "),
        )
    )
    a, b = wrap(old), wrap(new)
    return None if a is None or b is None else ({path: a}, {path: b})


def _movable(source: Source) -> dict[tuple[object, ...], Item]:
    """Whole-line functions and kernels by identity; only those whose identity is unique."""
    found: dict[tuple[object, ...], Item] = {}
    for item in source.items:
        text = source.text[item.start : item.end]
        if item.kind in _MOVABLE and item.body and text.endswith(b"\n") and not item.condition:
            key = (item.kind, item.name, item.arguments, item.returns, item.key.parameters)
            if source.text[item.start - 1 : item.start] in (b"", b"\n"):
                found[key] = item
    return found


def _reorder(path: str, old: bytes, new: bytes, rng: random.Random) -> tuple[Files, Files] | None:
    sources = parse(old), parse(new)
    if any(source.problems for source in sources):
        return None
    tables = [_movable(source) for source in sources]
    common = [key for key in tables[0] if key in tables[1]]
    if len(common) < 3:
        return None
    moves = [tuple(rng.sample(common, 2)) for _ in range(rng.randint(1, 3))]
    results: list[Files] = []
    for source, table in zip(sources, tables, strict=True):
        # Items as an order of byte ranges, so that several moves compose.
        order = list(source.items)
        for key, after in moves:
            item, anchor = table[key], table[after]
            order.remove(item)
            order.insert(order.index(anchor) + 1, item)
        text = b"".join(source.text[i.start : i.end] for i in order)
        if out_of_order([leaves_of(source.text)[0]], [leaves_of(text)[0]]):
            return None  # used before it is declared: not the same program
        results.append({path: text})
    return (results[0], results[1]) if results[0][path] != old else None


def _rename(pick: Callable[[Source, random.Random], set[bytes]]) -> Maker:
    def maker(path: str, old: bytes, new: bytes, rng: random.Random) -> tuple[Files, Files] | None:
        names = sorted(pick(parse(old), rng) & pick(parse(new), rng))
        rng.shuffle(names)
        for name in names:
            target = name + b"_mg" if rng.random() < 0.5 else b"mg_" + name
            if target in old or target in new:
                continue
            word = re.compile(rb"\b" + re.escape(name) + rb"\b")
            if any(word.search(text) for text in _brought(old, new)):
                continue  # new altogether: it may as well mean its own by that name
            if len(word.findall(old)) >= 1 and b"/" + name not in old + new:
                return {path: word.sub(target, old)}, {path: word.sub(target, new)}
        return None

    return maker


def _brought(old: bytes, new: bytes) -> list[bytes]:
    """The functions and types of ``new`` that ``old`` has not, by name."""
    known = {leaf.name for leaf in leaves_of(old)[0]}
    return [leaf.text for leaf in leaves_of(new)[0] if leaf.defines and leaf.name not in known]


def _renames(old: bytes, new: bytes) -> bool:
    """Whether a function of ``new`` is one of ``old`` under another name."""
    before, after = leaves_of(old)[0], leaves_of(new)[0]
    pairs = match(before, after)
    return any(after[j].defines and after[j].name != before[i].name for j, i in pairs.items())


def _function_names(source: Source, rng: random.Random) -> set[bytes]:
    return {i.name.split("::")[-1].encode() for i in source.items if i.kind in _MOVABLE and i.body and i.name}


def _parameter_names(source: Source, rng: random.Random) -> set[bytes]:
    return {p.name.encode() for i in source.items if i.body for p in i.parameters if len(p.name) > 1}


def _local_names(source: Source, rng: random.Random) -> set[bytes]:
    text = source.text
    bodies = [text[i.body[0] : i.body[1]] for i in source.items if i.kind in _MOVABLE and i.body]
    pattern = re.compile(
        rb"\b(?:int|float|auto|int64_t|size_t|bool|half2?|scalar_t)\s+(?:const\s+)?(\w+)\s*="
    )
    return {name for body in bodies for name in pattern.findall(body) if len(name) > 2}


def _stem(path: str) -> str:
    return path.rsplit(".", 1)[0]


def _top_includes(text: bytes) -> dict[bytes, int]:
    """The ``#include`` lines under no condition, each with the number of the line behind it."""
    found: dict[bytes, int] = {}
    depth = 0
    for index, line in enumerate(text.splitlines(keepends=True)):
        if re.match(rb"\s*#\s*if", line):
            depth += 1
        elif re.match(rb"\s*#\s*endif", line):
            depth -= 1
        elif depth == 0 and line.startswith(b"#include"):
            found[line.strip()] = index + 1
    return found


def _moved(parts: int) -> Maker:
    def maker(path: str, old: bytes, new: bytes, rng: random.Random) -> tuple[Files, Files] | None:
        sources = parse(old), parse(new)
        if any(source.problems for source in sources) or _renames(old, new):
            return None  # (a renamed function may as well be where its old name is)
        tables = [_movable(source) for source in sources]
        common = [key for key in tables[0] if key in tables[1]]
        if len(common) < parts:
            return None
        chosen = rng.sample(common, rng.randint(parts, min(len(common), 3 * parts)))
        homes = {key: f"{_stem(path)}_part{i % parts + 1}.cuh" for i, key in enumerate(chosen)}
        rests: list[bytes] = []
        for source, table in zip(sources, tables, strict=True):
            taken = {id(table[key]) for key in chosen}
            rests.append(b"".join(source.text[i.start : i.end] for i in source.items if id(i) not in taken))
        # Behind the same include in both versions: it is the same edit.
        includes = [_top_includes(rest) for rest in rests]
        anchor = next((line for line in reversed(includes[0]) if line in includes[1]), None)
        if anchor is None:
            return None
        results: list[Files] = []
        for source, table, rest, places in zip(sources, tables, rests, includes, strict=True):
            names = sorted(set(homes.values()))
            adds = b"".join(b'#include "' + n.rsplit("/", 1)[-1].encode() + b'"\n' for n in names)
            lines = rest.splitlines(keepends=True)
            lines.insert(places[anchor], adds)
            files = {path: b"".join(lines)}
            for name in names:
                here = sorted((table[k] for k in chosen if homes[k] == name), key=lambda i: i.start)
                files[name] = b"#pragma once\n" + b"".join(source.text[i.start : i.end] for i in here)
            results.append(files)
        return results[0], results[1]

    return maker


def identifiers(text: bytes) -> set[bytes]:
    """All identifiers of the code of ``text``."""
    lexed = lex(text)
    return {raw for raw, kind in zip(lexed.texts, lexed.kinds, strict=True) if kind == TokenKind.IDENT}


_MAKERS: dict[str, Maker] = {
    "reformat": _reformat,
    "rewrap": _rewrap,
    "reindent": _reindent,
    "reorder": _reorder,
    "rename-function": _rename(_function_names),
    "rename-parameter": _rename(_parameter_names),
    "rename-local": _rename(_local_names),
    "move": _moved(1),
    "split": _moved(2),
}

# Of a pair, the second is applied to the outcome of the first: what makes new files comes last.
_PAIRS = (
    "rename-function+reformat",
    "rename-local+move",
    "rename-parameter+reorder",
    "reorder+rewrap",
    "reindent+rewrap",
    "reformat+move",
    "rewrap+split",
)

KINDS = (*_MAKERS, *_PAIRS)
