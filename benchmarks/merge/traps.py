"""Merges that look clean and are not: each must end as a conflict or with a finding.

``make(kind, text, rng)`` gives (base, ours, theirs, answer) built on a real file, or None where it does not
apply; ``answer`` is a clean result that is right too, or None.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.source import parse

Trap = tuple[bytes, bytes, bytes, bytes | None]


def make(kind: str, text: bytes, rng: random.Random) -> Trap | None:
    if b"\r" in text:
        return None
    return _MAKERS[kind](text, rng)


def _functions(source: Source) -> list[Item]:
    return [
        i
        for i in source.items
        if i.kind in (Kind.FUNCTION, Kind.KERNEL)
        and i.body
        and source.text[i.end - 1 : i.end] == b"\n"
        and not i.condition
    ]


def _insert(text: bytes, at: int, new: bytes) -> bytes:
    return text[:at] + new + text[at:]


def _two_places(text: bytes, rng: random.Random) -> tuple[int, int] | None:
    places = [i.end for i in _functions(parse(text))]
    if len(places) < 2:
        return None
    one, two = rng.sample(places, 2)
    return one, two


def _added_twice(first: bytes, second: bytes) -> Callable[[bytes, random.Random], Trap | None]:
    def maker(text: bytes, rng: random.Random) -> Trap | None:
        places = _two_places(text, rng)
        if places is None:
            return None
        return text, _insert(text, places[0], first), _insert(text, places[1], second), None

    return maker


def _same_arm(text: bytes, rng: random.Random) -> Trap | None:
    from mergeguard.cpp.branches import branchings

    source = parse(text)
    found = [
        (item, branching)
        for item in source.items
        if item.body
        for branching in branchings(source, item)
        if branching.kind == "switch" and branching.macro is None and len(branching.arms) >= 3
    ]
    if not found:
        return None
    _, branching = rng.choice(found)
    one, two = rng.sample([arm.start for arm in branching.arms[1:]], 2)
    return (
        text,
        _insert(text, one, b"    case 7777:\n      mg_first();\n      break;\n"),
        _insert(text, two, b"    case 7777:\n      mg_second(1);\n      break;\n"),
        None,
    )


def _rename_use(text: bytes, rng: random.Random) -> Trap | None:
    functions = _functions(parse(text))
    if len(functions) < 2:
        return None
    target, other = rng.sample(functions, 2)
    name = target.name.split("::")[-1].encode()
    if not re.fullmatch(rb"[A-Za-z_]\w{2,}", name) or other.body is None or name == other.name.encode():
        return None
    word = re.compile(rb"\b" + name + rb"\b")
    new = name + b"_v2"
    if new in text:
        return None
    used = _insert(text, other.body[0] + 1, b"\n  if (mg_flag) " + name + b"(mg_flag);")
    return text, word.sub(new, text), used, word.sub(new, used)


def _delete_edit(text: bytes, rng: random.Random) -> Trap | None:
    functions = _functions(parse(text))
    if len(functions) < 2:
        return None
    target = rng.choice(functions)
    assert target.body is not None
    edited = _insert(text, target.body[0] + 1, b"\n  mg_check();")
    return text, text[: target.start] + text[target.end :], edited, None


def _delete_use(text: bytes, rng: random.Random) -> Trap | None:
    functions = _functions(parse(text))
    if len(functions) < 2:
        return None
    target, other = rng.sample(functions, 2)
    name = target.name.split("::")[-1].encode()
    gone = text[: target.start] + text[target.end :]
    if name.isupper():
        return None  # a registration: that it goes takes no name away
    if not re.fullmatch(rb"[A-Za-z_]\w{2,}", name) or re.search(rb"\b" + name + rb"\b", gone):
        return None
    assert other.body is not None
    return text, gone, _insert(text, other.body[0] + 1, b"\n  if (mg_flag) " + name + b"(mg_flag);"), None


def _guard_edit(text: bytes, rng: random.Random) -> Trap | None:
    source = parse(text)
    guarded = [i for i in source.items if i.condition and i.body and i.kind in (Kind.FUNCTION, Kind.KERNEL)]
    if not guarded:
        return None
    item = rng.choice(guarded)
    assert item.body is not None
    lines = text.splitlines(keepends=True)
    # The innermost open #if above the item.
    at = text.count(b"\n", 0, item.code_start)
    depth = 0
    for index in range(at - 1, -1, -1):
        if re.match(rb"\s*#\s*endif", lines[index]):
            depth += 1
        elif re.match(rb"\s*#\s*(if|elif)", lines[index]):
            if depth == 0:
                break
            depth -= bool(re.match(rb"\s*#\s*if", lines[index]))
    else:
        return None
    match = re.match(rb"(\s*#\s*)(if|elif)(n?def)?\s+(.*?)\s*(//.*)?\n", lines[index])
    if match is None or b"\\" in match.group(4):
        return None
    head, word, how, condition, _ = match.groups()
    old = {None: condition, b"def": b"defined(" + condition + b")", b"ndef": b"!defined(" + condition + b")"}[
        how
    ]
    changed = lines.copy()
    changed[index] = head + word + b" (" + old + b") && defined(MG_NEW)\n"
    return text, b"".join(changed), _insert(text, item.body[0] + 1, b"\n  mg_check();"), None


def _same_call(text: bytes, rng: random.Random) -> Trap | None:
    calls = list(re.finditer(rb"(?<=[\s(])(\w{4,})\((\w+), (\w+)\)(?=[;,)])", text))
    if not calls:
        return None
    call = rng.choice(calls)
    name, a, b = call.groups()

    def put(new: bytes) -> bytes:
        return text[: call.start()] + new + text[call.end() :]

    return (
        text,
        put(name + b"(" + a + b" + 1, static_cast<int>(" + b + b"))"),
        put(name + b"_fast(" + b + b", " + a + b", true)"),
        None,
    )


def _signature_use(text: bytes, rng: random.Random) -> Trap | None:
    functions = [f for f in _functions(parse(text)) if f.parameter_list and f.parameters]
    if len(functions) < 2:
        return None
    target, other = rng.sample(functions, 2)
    name = target.name.split("::")[-1].encode()
    assert target.parameter_list is not None and other.body is not None
    if not re.fullmatch(rb"[A-Za-z_]\w{2,}", name) or len(re.findall(rb"\b" + name + rb"\b", text)) != 1:
        return None
    close = target.parameter_list[1] - 1
    arguments = b", ".join(b"mg_%d" % i for i in range(len(target.parameters)))
    use = _insert(text, other.body[0] + 1, b"\n  " + name + b"(" + arguments + b");")
    return text, _insert(text, close, b", int mg_extra"), use, None


def _inside(first: bytes, second: bytes) -> Callable[[bytes, random.Random], Trap | None]:
    """Each side puts a line at the beginning of another function."""

    def maker(text: bytes, rng: random.Random) -> Trap | None:
        functions = _functions(parse(text))
        if len(functions) < 2:
            return None
        one, two = rng.sample(functions, 2)
        assert one.body is not None and two.body is not None
        ours, theirs = (
            _insert(text, f.body[0] + 1, line) for f, line in ((one, first), (two, second)) if f.body
        )
        return text, ours, theirs, None

    return maker


def _same_local(text: bytes, rng: random.Random) -> Trap | None:
    """Both sides declare a variable of one name, at the two ends of one function."""
    tall = [f for f in _functions(parse(text)) if f.body and text.count(b"\n", *f.body) > 8]
    tall = [f for f in tall if f.body and text[: f.body[1] - 1].endswith(b"\n")]
    if not tall:
        return None
    body = rng.choice(tall).body
    assert body is not None
    ours = _insert(text, body[0] + 1, b"\n  float mg_local = 1.f;")
    return text, ours, _insert(text, body[1] - 1, b"  int mg_local = 2;\n"), None


_IF = re.compile(rb"^( +)if \(([^()\n;]+)\) \{\n((?:\1 [^\n]*\n|\n){3,})\1\}", re.MULTILINE)


def _test_edit(text: bytes, rng: random.Random) -> Trap | None:
    """An ``if`` is edited on one side, and the end of what it guards on the other."""
    found = list(_IF.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    edited = text[: match.start(2)] + b"mg_ready && " + text[match.start(2) :]
    return text, edited, _insert(text, match.end(3), match[1] + b"  mg_check();\n"), None


def _undef_use(text: bytes, rng: random.Random) -> Trap | None:
    """A macro is undefined on one side, and used further down on the other."""
    source = parse(text)
    macros = [i for i in source.items if i.kind is Kind.MACRO and not i.condition and i.name]
    functions = _functions(source)
    pairs = [
        (macro, functions[k], functions[k + 1])
        for macro in macros
        if re.search(rb"#\s*undef\s+" + macro.name.encode() + rb"\b", text) is None
        for k in range(len(functions) - 1)
        if macro.end <= functions[k].start
        and not re.search(rb"\b" + macro.name.encode() + rb"\b", text[functions[k].end :])
    ]
    if not pairs:
        return None
    macro, first, second = rng.choice(pairs)
    assert second.body is not None
    ours = _insert(text, first.end, b"\n#undef " + macro.name.encode() + b"\n")
    use = b"\n  mg_use(" + macro.name.encode() + b");"
    return text, ours, _insert(text, second.body[0] + 1, use), None


def _template_use(text: bytes, rng: random.Random) -> Trap | None:
    """A template gets one more parameter on one side, and a call with explicit arguments on the other."""
    functions = _functions(parse(text))
    generic = [f for f in functions if f.template_header and b"typename" in text[slice(*f.template_header)]]
    if not generic or len(functions) < 2:
        return None
    target = rng.choice(generic)
    name = target.name.split("::")[-1].encode()
    others = [f for f in functions if f is not target and f.start > target.end and f.body]
    if not others or not re.fullmatch(rb"[A-Za-z_]\w{2,}", name):
        return None
    if len(re.findall(rb"\b" + name + rb"\b", text)) != 1 or target.template_header is None:
        return None
    other = rng.choice(others)
    assert other.body is not None
    close = target.template_header[1] - 1
    use = _insert(text, other.body[0] + 1, b"\n  " + name + b"<float>(mg_argument);")
    return text, _insert(text, close, b", int MG_EXTRA"), use, None


def _include_in_namespace(text: bytes, rng: random.Random) -> Trap | None:
    """One side puts the rest of the file into a namespace, the other brings an include further down."""
    functions = _functions(parse(text))
    if len(functions) < 3 or b"namespace" in text:
        return None
    first, second = sorted(rng.sample(range(1, len(functions)), 2))
    ours = _insert(text, functions[first].start, b"\nnamespace mg_fork {\n")
    ours += (b"" if ours.endswith(b"\n") else b"\n") + b"}  // namespace mg_fork\n"
    return text, ours, _insert(text, functions[second].start, b'\n#include "mg_new.h"\n'), None


_MAKERS: dict[str, Callable[[bytes, random.Random], Trap | None]] = {
    "same-function": _added_twice(
        b"\nstatic int mg_helper(int a) {\n  return a + 1;\n}\n",
        b"\nstatic int mg_helper(int a) {\n  return a - 1;\n}\n",
    ),
    "same-macro": _added_twice(b"\n#define MG_TILE 16\n", b"\n#define MG_TILE 32\n"),
    "same-arm": _same_arm,
    "local-macro": _inside(b"\n#define MG_TILE 16", b"\n#define MG_TILE 32"),
    "same-local": _same_local,
    "rename-use": _rename_use,
    "delete-edit": _delete_edit,
    "delete-use": _delete_use,
    "guard-edit": _guard_edit,
    "if-edit": _test_edit,
    "undef-use": _undef_use,
    "template-use": _template_use,
    "swallowed-include": _include_in_namespace,
    "same-call": _same_call,
    "signature-use": _signature_use,
}

KINDS = tuple(_MAKERS)
