"""The arguments of ``git blame``, read as git reads them (``git-blame(1)``, ``builtin/blame.c``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from mergeguard.values import dataclass, field
from mergeguard.verbs.lines.annotate import Style


class Form(StrEnum):
    """What is printed."""

    HUMAN = "human"
    PORCELAIN = "porcelain"
    LINE_PORCELAIN = "line-porcelain"
    INCREMENTAL = "incremental"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line asks for.

    ``options`` change who is blamed and are git's to read; ``ignored`` and ``ignore_files`` name commits
    that are passed over (an empty file name forgets those before it). ``refused`` is the first option that
    has no meaning for a file of a layout. ``email`` and ``blank`` are None where the configuration decides.
    """

    revisions: tuple[str, ...] = ()
    path: str = ""
    ranges: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    ignore_files: tuple[str, ...] = ()
    contents: str | None = None
    form: Form = Form.HUMAN
    style: Style = field(default_factory=Style)
    email: bool | None = None
    blank: bool | None = None
    date: str | None = None
    abbreviated: int | None = None
    refused: str | None = None


# Long options of git blame that take a value, with the value in the next argument or after `=`.
_VALUED = frozenset(
    {"ignore-rev", "ignore-revs-file", "contents", "date", "since", "until", "after", "before"}
)
_LONG = {
    "porcelain": "p",
    "show-email": "e",
    "show-name": "f",
    "show-number": "n",
    "line-porcelain": "line-porcelain",
    "incremental": "incremental",
}
# They only colour or comment what is printed.
_PLAIN = frozenset(
    {"progress", "no-progress", "color-lines", "color-by-age", "no-color-lines", "no-color-by-age"}
)
_REFUSED = frozenset({"reverse", "score-debug", "show-stats"})
_MEANINGS = {"e": "email", "l": "long", "s": "suppress", "t": "raw_time", "n": "number", "f": "name"}


def parse(arguments: Sequence[str], is_revision: Callable[[str], bool] = lambda _: False) -> Asked | None:
    """What the arguments ask for; None where git will refuse them.

    ``is_revision`` tells whether an argument names a commit: ``git blame FILE REV`` is allowed, too.
    """
    return _ArgumentReader(arguments).read(is_revision)


class _ArgumentReader:
    def __init__(self, arguments: Sequence[str]) -> None:
        self.rest = list(arguments)
        self.loose: list[str] = []
        self.after: list[str] | None = None
        self.values: dict[str, list[str]] = {"L": [], "ignore-rev": [], "ignore-revs-file": []}
        self.options: list[str] = []
        self.flags: set[str] = set()
        self.contents: str | None = None
        self.date: str | None = None
        self.abbreviated: int | None = None
        self.refused: str | None = None

    def read(self, is_revision: Callable[[str], bool]) -> Asked | None:
        while self.rest:
            argument = self.rest.pop(0)
            if argument == "--":
                self.after = self.rest
                break
            if argument.startswith("--"):
                known = self._long(argument[2:])
            elif argument.startswith("-") and argument != "-":
                known = self._short(argument[1:])
            else:
                self.loose.append(argument)
                known = True
            if not known:
                return None
        named = self._named(is_revision)
        if named is None:
            return None
        revisions, path = named
        forms = [f for f in (Form.INCREMENTAL, Form.LINE_PORCELAIN) if f.value in self.flags]
        form = forms[0] if forms else Form.PORCELAIN if "p" in self.flags else Form.HUMAN
        style = Style(**{name: letter in self.flags for letter, name in _MEANINGS.items()})
        return Asked(
            revisions,
            path,
            tuple(self.values["L"]),
            tuple(self.options),
            tuple(self.values["ignore-rev"]),
            tuple(self.values["ignore-revs-file"]),
            self.contents,
            form,
            style,
            self._tristate("e", "no-show-email"),
            self._tristate("b", "no-b"),
            self.date,
            self.abbreviated,
            self.refused,
        )

    def _tristate(self, flag: str, negated: str) -> bool | None:
        return True if flag in self.flags else False if negated in self.flags else None

    def _named(self, is_revision: Callable[[str], bool]) -> tuple[tuple[str, ...], str] | None:
        """The revisions and the file, in any of the orders that git takes."""
        if self.after is not None:
            if len(self.after) == 1:
                return tuple(self.loose), self.after[0]
            if len(self.after) == 2 and not self.loose:
                return (self.after[1],), self.after[0]
            return None
        if len(self.loose) == 2 and is_revision(self.loose[1]):
            return (self.loose[1],), self.loose[0]
        return (tuple(self.loose[:-1]), self.loose[-1]) if self.loose else None

    def _long(self, text: str) -> bool:
        name, equals, value = text.partition("=")
        if name in _VALUED and not equals:
            if not self.rest:
                return False
            value = self.rest.pop(0)
        if name in ("ignore-rev", "ignore-revs-file"):
            self.values[name].append(value)
        elif name.startswith("no-ignore-rev"):
            self.values[name.removeprefix("no-")] = []
            if name == "no-ignore-revs-file":
                self.values["ignore-revs-file"] = [""]
        elif name == "contents":
            self.contents = value
        elif name == "date":
            self.date = value
        elif name == "abbrev":
            if equals and not value.isdigit():
                return False
            self.abbreviated = int(value) if equals else None
        elif name == "no-abbrev":
            self.abbreviated = 64
        elif name in _LONG and not equals:
            self.flags.add(_LONG[name])
        elif name == "no-show-email":
            self.flags.discard("e")
            self.flags.add(name)
        elif name in _REFUSED:
            self.refused = self.refused or f"--{name}"
        elif name not in _PLAIN:
            # Whatever else there is (--root, --minimal, --first-parent, --since=…) is git's to know.
            self.options.append(f"--{name}={value}" if equals or name in _VALUED else f"--{name}")
        return True

    def _short(self, letters: str) -> bool:
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "LS":
                if not letters and not self.rest:
                    return False
                value = letters or self.rest.pop(0)
                if letter == "L":
                    self.values["L"].append(value)
                else:
                    self.refused = self.refused or "-S"
                return True
            if letter in "CM":
                self.options.append(f"-{letter}{letters}")
                return True
            if letter == "w":
                self.options.append("-w")
            elif letter == "c":
                self.flags.add("c")
                self.refused = self.refused or "-c"
            elif letter in "pelstnfb":
                self.flags.add(letter)
            else:
                return False
        return True
