"""Merges that look clean and are not: each must end as a conflict or with a finding.

``make(kind, text, rng)`` gives (base, ours, theirs, answer) built on a real file, or None where it does not
apply; ``answer`` is a clean result that is right too, or None.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from mergeguard.core.items import Item, Kind, Source
from mergeguard.core.source import parse

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
    from mergeguard.core.branches import branchings

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


_MAKERS: dict[str, Callable[[bytes, random.Random], Trap | None]] = {
    "same-function": _added_twice(
        b"\nstatic int mg_helper(int a) {\n  return a + 1;\n}\n",
        b"\nstatic int mg_helper(int a) {\n  return a - 1;\n}\n",
    ),
    "same-macro": _added_twice(b"\n#define MG_TILE 16\n", b"\n#define MG_TILE 32\n"),
    "same-arm": _same_arm,
    "rename-use": _rename_use,
    "delete-edit": _delete_edit,
    "delete-use": _delete_use,
    "guard-edit": _guard_edit,
    "same-call": _same_call,
    "signature-use": _signature_use,
}

KINDS = tuple(_MAKERS)
