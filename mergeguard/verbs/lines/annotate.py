"""Lines with their origins: reading what ``git blame --porcelain`` prints, writing git's own formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mergeguard.gitquote import quoted, unquoted
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Annotated:
    """One line of a file and where it comes from.

    ``line`` and ``origin_line`` are 1-based; ``path`` is the origin's file, raw bytes, ``previous`` the
    parent's commit and file. ``facts`` are the headers from ``author`` to
    ``summary``, whole lines without ending. ``text`` is the line with its ending.
    """

    oid: str
    origin_line: int
    line: int
    path: bytes
    facts: tuple[bytes, ...]
    text: bytes
    previous: tuple[str, bytes] | None = None
    boundary: bool = False
    ignored: bytes = b""

    def at(self, line: int, text: bytes) -> Annotated:
        """The same origin, of another line."""
        # Not by `replace`: every line of a file comes through here.
        origin = (self.path, self.facts, text, self.previous, self.boundary, self.ignored)
        return Annotated(self.oid, self.origin_line, line, *origin)

    def fact(self, name: bytes) -> bytes:
        """The value of a header, b"" without it."""
        return next((f[len(name) + 1 :] for f in self.facts if f.startswith(name + b" ")), b"")


def parse_porcelain(raw: bytes) -> tuple[Annotated, ...]:
    """The lines of ``git blame --porcelain`` (which tells of each commit once) or ``--line-porcelain``."""
    found: list[Annotated] = []
    commits: dict[bytes, _Told] = {}
    told, ignored = _Told(), b""
    lines = raw.split(b"\n")
    at = 0
    while at < len(lines) - 1:
        head = lines[at].split(b" ")
        at += 1
        if len(head) > 3:  # a group begins
            told, ignored = commits.get(head[0], _Told(head[0].decode())), b""
        first = at
        while not lines[at].startswith(b"\t"):
            at += 1
        if at > first:
            told, ignored = told.with_headers(lines[first:at])
            commits[head[0]] = told
        found.append(
            Annotated(
                told.oid,
                int(head[1]),
                int(head[2]),
                told.path,
                told.facts,
                lines[at][1:] + b"\n",
                told.previous,
                told.boundary,
                ignored,
            )
        )
        at += 1
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Told:
    """What git has told of a commit so far."""

    oid: str = ""
    path: bytes = b""
    facts: tuple[bytes, ...] = ()
    previous: tuple[str, bytes] | None = None
    boundary: bool = False

    def with_headers(self, lines: Sequence[bytes]) -> tuple[_Told, bytes]:
        """With the headers of a line; and whether git says that the line was ignored.

        A ``filename`` comes with the ``previous`` of that file, if it has one.
        """
        facts: list[bytes] = []
        path, previous, boundary, ignored = self.path, self.previous, self.boundary, b""
        for line in lines:
            name, _, value = line.partition(b" ")
            if name == b"filename":
                path = unquoted(value)
                previous = next((_previous(one) for one in lines if one.startswith(b"previous ")), None)
            elif name == b"boundary":
                boundary = True
            elif name in (b"ignored", b"unblamable"):
                ignored = name
            elif name != b"previous":
                facts.append(line)
        return _Told(self.oid, path, tuple(facts) or self.facts, previous, boundary), ignored


def _previous(line: bytes) -> tuple[str, bytes]:
    _, oid, path = line.split(b" ", 2)
    return oid.decode(), unquoted(path)


# -- for machines --------------------------------------------------------------------------------------


def porcelain(lines: Sequence[Annotated], *, every_line: bool = False) -> bytes:
    """``git blame --porcelain``, or ``--line-porcelain``, of these lines."""
    paths: dict[str, set[bytes]] = {}
    for line in lines:
        paths.setdefault(line.oid, set()).add(line.path)
    shown: set[str] = set()
    out: list[bytes] = []
    for group in _groups(lines):
        for number, line in enumerate(group):
            count = b" %d" % len(group) if number == 0 else b""
            out.append(b"%s %d %d%s\n" % (line.oid.encode(), line.origin_line, line.line, count))
            first = line.oid not in shown
            if (number == 0 and first) or every_line:
                shown.add(line.oid)
                out += [fact + b"\n" for fact in line.facts]
                out += [b"boundary\n"] if line.boundary else []
            if every_line or (number == 0 and (first or len(paths[line.oid]) > 1)):
                if line.previous is not None:
                    out.append(b"previous %s %s\n" % (line.previous[0].encode(), quoted(line.previous[1])))
                out.append(b"filename " + quoted(line.path) + b"\n")
            if every_line or number == 0:
                out += [line.ignored + b"\n"] if line.ignored else []
            out.append(b"\t" + line.text)
    return b"".join(out)


def incremental(lines: Sequence[Annotated]) -> bytes:
    """``git blame --incremental`` of these lines; git itself gives the groups in the order it finds them."""
    shown: set[str] = set()
    out: list[bytes] = []
    for group in _groups(lines):
        line = group[0]
        out.append(b"%s %d %d %d\n" % (line.oid.encode(), line.origin_line, line.line, len(group)))
        if line.oid not in shown:
            shown.add(line.oid)
            out += [fact + b"\n" for fact in line.facts]
            out += [b"boundary\n"] if line.boundary else []
        if line.previous is not None:
            out.append(b"previous %s %s\n" % (line.previous[0].encode(), quoted(line.previous[1])))
        out.append(b"filename " + quoted(line.path) + b"\n")
    return b"".join(out)


def _groups(lines: Sequence[Annotated]) -> Iterable[list[Annotated]]:
    group: list[Annotated] = []
    for line in lines:
        if group:
            last = group[-1]
            same = (line.oid, line.path, line.previous, line.ignored) == (
                last.oid,
                last.path,
                last.previous,
                last.ignored,
            )
            if not (same and line.line == last.line + 1 and line.origin_line == last.origin_line + 1):
                yield group
                group = []
        group.append(line)
    if group:
        yield group


# -- for people ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Style:
    """What ``git blame`` shows: its options -e, -l, -s, -t, -n, -f and -b, in this order."""

    email: bool = False
    long: bool = False
    suppress: bool = False
    raw_time: bool = False
    number: bool = False
    name: bool = False
    blank_boundary: bool = False


def annotate(
    lines: Sequence[Annotated],
    style: Style,
    *,
    blamed: bytes,
    abbreviated: int,
    dates: Mapping[str, str],
    date_width: int,
) -> bytes:
    """``git blame`` of these lines, as for a terminal.

    ``blamed`` is the file asked for (others are named), ``abbreviated`` the length of an unambiguous
    object name, ``dates`` the author dates by commit, each padded to ``date_width`` columns.
    """
    if not lines:
        return b""
    with_name = style.name or any(line.path != blamed for line in lines)
    longest = max(len(line.path) for line in lines)
    origin_digits = len(str(max(line.origin_line for line in lines)))
    digits = len(str(max(line.line for line in lines)))
    author = b"author-mail" if style.email else b"author"
    commits = {line.oid: line for line in lines}
    names = {oid: line.fact(author) for oid, line in commits.items()}
    widest = max(map(_width, names.values()))
    who = {oid: name + b" " * (widest - _width(name)) for oid, name in names.items()}
    when = {oid: _date(line, style, dates, date_width).rjust(10) for oid, line in commits.items()}
    out: list[bytes] = []
    for line in lines:
        shown = _name(line, style, abbreviated)
        if with_name:
            shown += b" " + line.path.ljust(longest)
        if style.number:
            shown += b" %*d" % (origin_digits, line.origin_line)
        if not style.suppress:
            shown += b" (" + who[line.oid] + b" " + when[line.oid]
        shown += b" %*d) " % (digits, line.line)
        out.append(shown + line.text)
    return b"".join(out)


def _name(line: Annotated, style: Style, abbreviated: int) -> bytes:
    length = len(line.oid) if style.long else min(len(line.oid), abbreviated + 1)
    oid = line.oid.encode()
    if line.boundary:
        if style.blank_boundary:
            return b" " * length
        oid = b"^" + oid
    if line.ignored:
        return (b"*" if line.ignored == b"unblamable" else b"?") + oid[: length - 1]
    return oid[:length]


def _date(line: Annotated, style: Style, dates: Mapping[str, str], width: int) -> bytes:
    if style.raw_time:
        return line.fact(b"author-time") + b" " + line.fact(b"author-tz")
    text = dates[line.oid].encode()
    return text + b" " * (width - _width(text))


def _width(raw: bytes) -> int:
    """Columns on a terminal."""
    if raw.isascii():
        return len(raw)
    import unicodedata

    text = raw.decode("utf-8", "replace")
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
