"""What is wrong, or worth knowing, about a rule and its layout as they are: findings, not exceptions.

Each function looks at one thing and is given everything as values; ``verbs.checking`` reads them
from a tree. ``findings.LAYOUT_CODES`` and ``PROGRAM_CODES`` list what there is.
"""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.definitions import definitions
from mergeguard.cpp.filenames import UNITS
from mergeguard.cpp.lexer import SPLICE, lex
from mergeguard.cpp.source import Kind, Source, Unit, identifiers, parse, units
from mergeguard.cpp.text import line_of
from mergeguard.findings import CODES, Finding, Place, Reporter, Severity
from mergeguard.fork.report import hunk_ids, marker_lines
from mergeguard.lens.glue import rebase_point
from mergeguard.lens.homes.assignment import defined_names
from mergeguard.lens.hunks import Hunk, Unsplit
from mergeguard.lens.layout import Layout, LayoutFile, Piece, Role
from mergeguard.lens.order import hints, labels
from mergeguard.lens.overlay import Recomposed
from mergeguard.lens.rule import Rule
from mergeguard.values import replace
from mergeguard.verify import same_program
from mergeguard.verify.flatten import LayoutText

Exists = Callable[[str], bool]
Proof = Callable[[str, bytes, Sequence[LayoutText]], tuple[Finding, ...]]
# A hunk of fewer lines is found again anywhere by chance.
_LINES_TO_COMPARE = 3


# -- the laws ------------------------------------------------------------------------------------------

_BUG = "this is a bug in mergeguard: report it"


def check_laws(name: str, layout: Layout, again: Layout) -> Iterator[Finding]:
    """Laws 1, 3 and 4 for one layout; ``again`` is the same split, done afresh."""
    say = Reporter(name)
    pieces = sorted((p for f in layout.files for p in f.pieces if p.source is not None), key=_source)
    at = 0
    for piece in pieces:
        start = piece.source or 0
        if start != at:
            what = "no home" if start > at else "two homes"
            line = line_of(layout.monolith, min(at, start))
            yield say.error("law 3", f"line {line} has {what}", layout.path, hint=_BUG)
        at = max(at, start + len(piece.text))
    rebuilt = b"".join(piece.text for piece in pieces)
    if rebuilt != layout.monolith:
        yield say.error("law 1", "the layout does not give the monolith back", layout.path, hint=_BUG)
    if [(f.path, f.text) for f in layout.files] != [(f.path, f.text) for f in again.files]:
        yield say.error("law 4", "two splits of the same text differ", layout.path, hint=_BUG)


def _source(piece: Piece) -> int:
    return piece.source or 0


def check_recomposed(
    name: str, now: Mapping[str, bytes | None], before: Unsplit, recomposed: Recomposed
) -> Iterator[Finding]:
    """Law 2, and glue that is out of date: what a new split would change in the tree.

    ``recomposed`` is the layout of the fork's monolith by the lock's rule, overlay and unmapped included.
    """
    say = Reporter(name)
    derived = before.layout.by_path
    refresh = f"`mergeguard split {name}` derives it again"
    moved = _moved(before)
    for path, line, home in moved:
        message = f"the rule gives this text to {home}"
        yield say.warning("drift", message, path, line, hint=f"`mergeguard split {name}` moves it there")
    explained = {path for path, _, _ in moved} | {home for _, _, home in moved}
    for path in sorted(set(now) | set(recomposed.files)):
        mine, new = now.get(path), recomposed.files.get(path)
        if (mine is None and path in recomposed.removed) or path in explained - set(recomposed.conflicts):
            continue
        line = _first_difference(mine or b"", new or b"")
        if path in recomposed.conflicts:
            message = "your edit of glue (text that only the layout has) conflicts with today's glue"
            yield say.error("drift", message, path, line, hint=refresh)
        elif mine == new:
            continue
        elif mine is None:
            message = "the layout of today's monolith has this file, the tree does not"
            yield say.error("drift", message, path, hint=refresh)
        elif new is None:
            message = "the layout of today's monolith does not have this file any more"
            yield say.error("drift", message, path, hint=refresh)
        elif path in derived and before.kept.get(path) == derived[path].text:
            yield say.error(
                "law 2", "splitting again would change what is written here", path, line, hint=_BUG
            )
        else:
            yield say.error("drift", "glue is out of date with the text it serves", path, line, hint=refresh)


def check_called(name: str, monolith: bytes, files: Sequence[LayoutText]) -> Iterator[Finding]:
    """Arms of the files as they are that the entry as it is sends elsewhere: until glue is derived again."""
    say = Reporter(name)
    texts = {file.path: file.text for file in files}
    hint = f"`mergeguard split {name}` gives it to the shard that the rule names, and calls it there"
    for path, message, offset, item in same_program.never_called(monolith, files):
        yield say.error("dispatch", message, path, line_of(texts[path], offset), item, hint)


def _moved(before: Unsplit) -> list[tuple[str, int, str]]:
    """Edits that the layout of today's monolith has in another file: path and line as typed, new path."""
    found = []
    shift = 0
    for edit in before.edits:
        if edit.text.strip():
            home, _ = before.layout.to_layout(edit.start + shift)
            if home.path != edit.path:
                found.append((edit.path, edit.line, home.path))
        shift += len(edit.text) - (edit.end - edit.start)
    return found


def _first_difference(one: bytes, other: bytes) -> int:
    """The 1-based line at which two texts begin to differ."""
    ours, theirs = one.splitlines(), other.splitlines()
    same = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
    return (min(len(ours), len(theirs)) if same is None else same) + 1


# -- conflict markers ----------------------------------------------------------------------------------


def check_markers(name: str, files: Mapping[str, bytes | None]) -> Iterator[Finding]:
    """Files with git's conflict markers in them: no compiler takes them, and nothing that follows is true."""
    say = Reporter(name)
    for path, text in files.items():
        lines = marker_lines(text) if text is not None else ()
        if lines:
            more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
            hint = "resolve it, then `git add` and commit"
            yield say.error("markers", f"a conflict marker stands here{more}", path, lines[0], hint=hint)


# -- hunks ---------------------------------------------------------------------------------------------


def check_hunks(name: str, before: Unsplit, kept: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Overlay (notes), unmapped hunks and missing files (errors); ``kept`` hunks, by id, are notes."""
    say = Reporter(name)
    groups = (before.unmapped, before.overlay)
    ids = {
        (h.path, h.line, h.old, h.new): identity
        for group in groups
        for identity, h in hunk_ids(group).items()
    }
    for hunk in before.hunks:
        identity = ids.get((hunk.path, hunk.line, hunk.old, hunk.new), "")
        if kept is not None and identity in kept:
            why = f": {kept[identity]}" if kept[identity] else ""
            message = f"{_changed(hunk)}, kept in the layout on purpose{why}"
            yield say.note("overlay" if hunk.is_overlay else "unmapped", message, hunk.path, hunk.line)
        elif hunk.reason.without_file:
            what = f"the layout's file is missing from the tree{f': {hunk.detail}' if hunk.detail else ''}"
            hint = f"`mergeguard unmapped show {identity}` says how to bring it back, or to keep it so"
            yield say.error("layout file", what, hunk.path, hint=hint)
        elif hunk.is_overlay:
            hint = f"`mergeguard unmapped keep {identity} --why TEXT` accepts it"
            yield say.note(
                "overlay",
                f"an edit of glue (text that only the layout has), kept: {_changed(hunk)}",
                hunk.path,
                hunk.line,
                hint=hint,
            )
        else:
            detail = f" ({hunk.detail})" if hunk.detail else ""
            message = f"{_changed(hunk)}: {hunk.reason}{detail}"
            hint = f"`mergeguard unmapped show {identity}` names places for it, and the ways to resolve it"
            yield say.error("unmapped", message, hunk.path, hunk.line, hint=hint)


def accepted(findings: Iterable[Finding], before: Unsplit, kept: Mapping[str, str]) -> Iterator[Finding]:
    """The findings; what is said of a dispatch is a note where a person has accepted every edit of glue in
    its file."""
    reasons: dict[str, list[str | None]] = {}
    for identity, hunk in hunk_ids(before.overlay).items():
        reasons.setdefault(hunk.path, []).append(kept.get(identity))
    for finding in findings:
        whys = reasons.get(finding.path, [None])
        if finding.code == "dispatch" and finding.fails and None not in whys:
            message = f"{finding.message}; accepted: {'; '.join(why for why in whys if why)}"
            yield replace(finding, grade=Severity.NOTE, message=message, hint="")
        else:
            yield finding


def _changed(hunk: Hunk) -> str:
    old, new = len(hunk.old.splitlines()), len(hunk.new.splitlines())
    if old and new:
        return f"{_count(old)} became {new}"
    return f"{_count(new)} added" if new else f"{_count(old)} removed"


def _count(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines} lines"


# -- the program ---------------------------------------------------------------------------------------


def check_program(
    name: str,
    path: str,
    monolith: bytes,
    files: Sequence[LayoutText],
    *,
    build: Sequence[same_program.BuildFile] = (),
    hunks: Sequence[Hunk] = (),
    strangers: frozenset[str] = frozenset(),
    proof: Proof = same_program.proof,
) -> Iterator[Finding]:
    """``verify.same_program`` on the files as they are (``proof`` may know what was found before).

    What only repeats a hunk, or says of the user's own files (``strangers``) that they are not the
    monolith's, is left out.
    """
    touched = {hunk.path for hunk in hunks}
    everything = (*proof(path, monolith, files), *same_program.listing(path, files, build))
    for found in dict.fromkeys(everything):
        if found.code in ("added", "changed") and found.path in touched | strangers:
            continue
        if found.code in ("lost", "include", "build list", "header guard") and found.path in strangers:
            continue
        if found.code == "include" and _in_hunk(found.path, found.line, hunks):
            continue
        message, line = found.message, found.line
        if found.code == "lost" and found.path == path and line is not None:
            message, line = f"{message} (line {line} of the monolith)", None
        yield of_verify(name, replace(found, message=message, places=(Place("tree", found.path, line or 0),)))


def of_verify(name: str, found: Finding) -> Finding:
    """A finding of ``verify.same_program`` as one about the rule ``name``, with what to do about it."""
    return replace(
        found, rule=name, hint=CODES[found.code].advice if found.severity is Severity.ERROR else ""
    )


def _in_hunk(path: str, line: int | None, hunks: Sequence[Hunk]) -> bool:
    return line is not None and any(
        h.path == path and h.line <= line < h.line + max(1, len(h.new.splitlines())) for h in hunks
    )


def check_homes(
    name: str,
    pristine: Source,
    files: Mapping[str, bytes],
    entries: frozenset[str],
    hunks: Sequence[Hunk],
    entry_path: str,
) -> Iterator[Finding]:
    """Definitions that are in two places of the layout and were not upstream.

    ``entries`` are the functions that the entry file at ``entry_path`` dispatches: glue, not a second home.
    """
    say = Reporter(name)
    before = Counter(one.identity for one in definitions(pristine))
    places: dict[object, list[tuple[str, int, Declaration]]] = defaultdict(list)
    for path, text in files.items():
        for one in definitions(parse(text), frozenset({"MG_NS"})):
            if _has_home(one) and not (path == entry_path and one.plain in entries):
                places[one.identity].append((path, line_of(text, one.item.code_start), one))
    for here in places.values():
        if len(here) <= max(1, before[here[0][2].identity]):
            continue
        # The place to blame is what was typed by hand.
        index = next((n for n, (path, line, _) in enumerate(here) if _in_hunk(path, line, hunks)), -1)
        path, line, one = here[index]
        other_path, other_line, other = here[0] if index else here[1]
        same = one.tokens == other.tokens
        report = say.warning if same and path != other_path else say.error
        message = f"{'also' if same else 'defined otherwise'} at {other_path}:{other_line}"
        hint = "an edit of one is no edit of the other: keep one, or give them different names"
        yield report("double home", message, path, line, one.plain, hint)


def has_new_doubles(pristine: bytes, monolith: bytes) -> bool:
    """Whether a fork's monolith has a definition more often than upstream's has it, or than once.

    Of a layout just as it was emitted that is what ``check_homes`` looks for: every byte has one home there.
    """
    if pristine == monolith:
        return False
    known, now = (
        Counter(one.identity for one in definitions(parse(text)) if _has_home(one))
        for text in (pristine, monolith)
    )
    return any(count > max(1, known[identity]) for identity, count in now.items())


def _has_home(one: Declaration) -> bool:
    if one.item.kind is Kind.TYPE:
        return one.item.body is not None
    return one.item.kind in (Kind.FUNCTION, Kind.KERNEL) and one.is_definition and not one.is_registration


def check_copied_text(name: str, monolith: bytes, path: str, hunks: Sequence[Hunk]) -> Iterator[Finding]:
    """Hunks that repeat lines which the monolith has already: a copy that no edit will reach."""
    say = Reporter(name)
    for hunk in hunks:
        text = hunk.new.strip()
        if hunk.old.strip() or text.count(b"\n") + 1 < _LINES_TO_COMPARE:
            continue
        offset = monolith.find(text)
        if offset >= 0:
            lines = f"{line_of(monolith, offset)} and following"
            message = f"these lines repeat lines {lines} of the monolith {path}"
            hint = "an edit of one is no edit of the other"
            yield say.warning("double home", message, hunk.path, hunk.line, hint=hint)


def check_added(name: str, pristine: bytes, before: Unsplit) -> Iterator[Finding]:
    """What the fork added and uses before it: no compiler takes that, in a layout or in the monolith.

    Templates find what comes later when they are instantiated, and macros when they are used: their words do
    not count, nor does a name that upstream has, too.
    """
    say = Reporter(name)
    monolith = before.monolith
    added = {label for label, _ in hints(pristine, monolith)} if monolith != pristine else set()
    if not added:
        return
    source = parse(monolith)
    if not any(_may_be_used_before(source, unit) for unit in _labelled(source, added)):
        return
    known = defined_names(parse(pristine), parse(pristine).items)
    first: dict[str, int] = {}
    for label, unit in zip(labels(source), units(source), strict=True):
        if label in added:
            for word in defined_names(source, unit.items) - known:
                if word in first:
                    file, offset = before.layout.to_layout(unit.items[-1].code_start)
                    used = line_of(monolith, first[word])
                    message = f"used before its definition here, on line {used} of the monolith"
                    hint = "move the definition before its first use"
                    line = line_of(file.text, offset)
                    yield say.error("self-contained", message, file.path, line, word, hint)
        for item in unit.items:
            if item.kind is Kind.MACRO or "template" in item.flags:
                continue
            for word in identifiers(source, item.code_start, item.code_end):
                first.setdefault(word, item.code_start)


def _labelled(source: Source, wanted: Set[str]) -> Iterator[Unit]:
    """The units of a source that go by some labels."""
    return (unit for label, unit in zip(labels(source), units(source), strict=True) if label in wanted)


def _may_be_used_before(source: Source, unit: Unit) -> bool:
    """Whether the bytes of a name that a unit defines stand before it, or may: a line can go on in one."""
    text, start = source.text, unit.start
    if SPLICE.search(text, 0, start):
        return True
    names = defined_names(source, unit.items)
    return any(text.find(name.encode("utf-8", "surrogateescape"), 0, start) >= 0 for name in names)


# -- includes and names --------------------------------------------------------------------------------


def check_includes(name: str, rule: Rule, layout: Layout, exists: Exists) -> Iterator[Finding]:
    """Quoted includes that would mean another file, or none, from where the layout puts them."""
    say = Reporter(name)
    source = parse(layout.monolith)
    for item in source.items:
        if item.kind is not Kind.INCLUDE:
            continue
        found = rebase_point(source.text[item.code_start : item.code_end])
        home, offset = layout.to_layout(item.code_start)
        if found is None or home.role is Role.ENTRY:
            continue
        included = found[1].decode("utf-8", "surrogateescape")
        spelled = f'"{included}"'
        line = line_of(home.text, offset)
        there = exists(posixpath.normpath(posixpath.join(posixpath.dirname(layout.path), included)))
        way = rule.includes.way(included)
        rebased = way == "beside"
        own = posixpath.normpath(posixpath.join(posixpath.dirname(home.path), included))
        if included.startswith(("./", "../")):
            if not rebased and not there and exists(own):
                hint = "take it out of `searched` in [includes]"
                yield say.error("include", f"from here it means {own}", home.path, line, spelled, hint)
            elif rebased and not there:
                message = "there is no such file from the monolith's folder (is it generated?)"
                yield say.note("include", message, home.path, line, spelled)
        elif rebased and not there:
            message = "it is re-based, but no such file is beside the monolith, so it may not be found"
            hint = "take it out of `beside` in [includes]"
            yield say.warning("include", message, home.path, line, spelled, hint)
        elif way == "either":
            continue
        elif there and not rebased:
            message = "the monolith means the file beside it; from here it is another of that name, or none"
            hint = f"add {spelled} to `beside` in [includes] (or to `either` if older versions lack it)"
            yield say.error("include", message, home.path, line, spelled, hint)
        elif not rebased and (own in layout.by_path or exists(own)):
            hint = "give the layout's file another name"
            yield say.error("include", f"from here it means {own}", home.path, line, spelled, hint)


# Words that can stand before `::name` without qualifying it.
_KEYWORDS = frozenset(
    "return case else throw new delete sizeof co_return co_yield co_await typename const and or not".split()
)


def check_global_names(name: str, files: Iterable[LayoutFile], now: Mapping[str, bytes]) -> Iterator[Finding]:
    """``::name`` in a body for a name that the body defines: each shard has it in its own namespace."""
    say = Reporter(name)
    for file in files:
        text = now.get(file.path)
        if file.role is not Role.BODY or text is None:
            continue
        lexed = lex(text)
        code, words = lexed.code(), lexed.words()
        asked = [
            at
            for at in range(1, len(words) - 1)
            if words[at] == "::" and not _qualifies(words[at - 1]) and _is_name(words[at + 1])
        ]
        if not asked:
            continue
        own = {one.short for one in definitions(parse(text), frozenset({"MG_NS"})) if _has_home(one)}
        for at in asked:
            if words[at + 1] in own:
                message = f"`::{words[at + 1]}` is not in the global namespace: each shard has its own"
                line = line_of(text, lexed.starts[code[at]])
                hint = "write the name without `::`"
                yield say.error("global name", message, file.path, line, words[at + 1], hint)


def _qualifies(word: str) -> bool:
    return word == ">" or (_is_name(word) and word not in _KEYWORDS)


def _is_name(word: str) -> bool:
    return word[0].isalnum() or word[0] == "_"


# -- files ---------------------------------------------------------------------------------------------


def check_strangers(name: str, strangers: Iterable[str], listed: frozenset[str]) -> Iterator[Finding]:
    """Units in the layout's folder that are not the layout's; ``listed`` are those a build file has."""
    say = Reporter(name)
    for path in strangers:
        if not path.endswith(UNITS):
            continue
        if path in listed:
            yield say.note("layout file", "a unit of your own in the layout's folder", path)
        else:
            message = "neither the rule nor a build file knows this unit: nothing compiles it"
            yield say.warning("layout file", message, path, hint="list it in the build file, or remove it")
