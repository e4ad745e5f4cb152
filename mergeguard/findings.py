"""A finding, wherever it comes from, and every code that one can have: what it means, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from mergeguard.values import dataclass, field


class Severity(StrEnum):
    """How a finding counts: an error or a warning fails a check, a note only informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


ERROR, WARNING, NOTE = Severity


@dataclass(frozen=True, slots=True)
class Meaning:
    """``severity`` is that of a finding that says none of its own; ``advice`` is what to do, if known."""

    short: str
    advice: str = ""
    severity: Severity = ERROR


# What an audit can say of a merged result.
MERGE_CODES: Mapping[str, Meaning] = {
    "duplicate-definition": Meaning("a definition is there twice now", "Keep one of the two.", ERROR),
    "duplicate-macro": Meaning("a macro is defined twice now", "Keep one: the second silently wins.", ERROR),
    "duplicate-name": Meaning("a variable or member is declared twice now", "Keep one of the two.", ERROR),
    "early-use": Meaning(
        "a local that is used before it is declared", "Move its declaration up again.", WARNING
    ),
    "shared-value": Meaning(
        "one value that both sides added to a list, beside entries of their own in another",
        "Add it once more if each entry has a value of its own.",
        WARNING,
    ),
    "hidden-name": Meaning(
        "a new use means another variable of the same name now",
        "Rename one of the two variables if the use means the outer one.",
        WARNING,
    ),
    "doubled-code": Meaning("what both sides added is there twice now", "Keep one of the two.", ERROR),
    "left-scope": Meaning(
        "code that left its condition, namespace, linkage or branch",
        "Move it back under what its side put it under.",
        ERROR,
    ),
    "emptied-block": Meaning(
        "a condition with nothing left in it",
        "Remove it, or restore what it held.",
        ERROR,
    ),
    "kept-stub": Meaning(
        "a stub or twin of what one side removed", "Remove it, or bring back the other.", ERROR
    ),
    "lost-separator": Meaning("two operands or signs side by side", "Put the separator back.", ERROR),
    "lost-operand": Meaning("an operand that one side added is gone", "Add it again.", ERROR),
    "lost-move": Meaning(
        "a statement that one side moved stands where it was before",
        "Compare the order with that side's.",
        WARNING,
    ),
    "unbalanced": Meaning("brackets or conditions that do not pair", "Pair them.", ERROR),
    "duplicate-arm": Meaning("a case or condition is there twice now", "Keep one of the two.", ERROR),
    "duplicate-registration": Meaning("an operator is registered twice now", "Keep one of the two.", ERROR),
    "undefined-registration": Meaning(
        "a registration without its function or schema",
        "Remove the registration, or bring back what it names.",
        ERROR,
    ),
    "lost-registration": Meaning(
        "a function that is no longer registered",
        "Register it again, or remove the function.",
        WARNING,
    ),
    "gone-name": Meaning("a name that one side took away is still used", "Use what replaced it.", ERROR),
    "gone-file": Meaning("a file that one side took away is included", "Include what replaced it.", ERROR),
    "changed-signature": Meaning(
        "parameters changed on one side, new calls on the other",
        "Compare the call with the new parameters.",
        WARNING,
    ),
    "unused-edit": Meaning(
        "an edit in code that nothing uses any more",
        "Move the edit to what is used instead.",
        WARNING,
    ),
    "overwritten-edit": Meaning(
        "an edit that a rewrite has overwritten",
        "Make the edit again in the rewritten code.",
        WARNING,
    ),
    "lost-lines": Meaning("what a side added is not in the result", "Add it again.", WARNING),
    "doubled-lines": Meaning("what a side added is there twice", "Keep one of the two.", WARNING),
    "undone-removal": Meaning("what a side removed is back", "Remove it again.", WARNING),
    "lost-guard": Meaning("a condition or template argument vanished", "Put it back.", WARNING),
    "swallowed-include": Meaning(
        "an include that came under a condition or into a namespace",
        "Move the include above it.",
        ERROR,
    ),
    "ast-error": Meaning("an error that clang sees in the result alone", "Look at the line.", ERROR),
    "layout": Meaning(
        "a layout that is no longer the monolith's program, or rests on what has changed",
        "`mergeguard check` shows it.",
        ERROR,
    ),
    "not-audited": Meaning("an audit that broke off", "Run `mergeguard --debug audit`.", ERROR),
    "guard-changed": Meaning(
        "one side edited a condition, the other what stands under it",
        "Look whether the code is still under the right condition.",
        WARNING,
    ),
}

# What a check can say of a rule and its layout as they are.
LAYOUT_CODES: Mapping[str, Meaning] = {
    "rule": Meaning("the rule does not fit the monolith, or two rules claim one file"),
    "not split": Meaning("the monolith is not split in this tree"),
    "law 1": Meaning("unsplitting the split monolith gives its bytes back"),
    "law 2": Meaning(
        "splitting the unsplit layout gives the layout back, overlay and unmapped hunks included"
    ),
    "law 3": Meaning("every byte of the monolith has one home"),
    "law 4": Meaning("splitting twice gives the same bytes"),
    "history": Meaning("what history has merged is in the layout, and the lock names it"),
    "ledger": Meaning("work of the fork's own that the last merge lost, and nobody accepted"),
    "pin": Meaning("a text that must never go is not there"),
    "markers": Meaning("no conflict markers are committed in a layout"),
    "drift": Meaning("the layout is not what its lock, its rule and this version make of it"),
    "overlay": Meaning("an edit of glue: kept with the layout"),
    "unmapped": Meaning("a local edit that can't be placed in the monolith"),
    "layout file": Meaning("a file of the layout is missing, or a stranger is in its folder"),
    "double home": Meaning("the same definition or text is in two places of the layout"),
    "global name": Meaning("`::name` in a body that stands in a namespace of the layout's"),
}

# How a layout can fail to be the program that the monolith is, by its tokens.
PROGRAM_CODES: Mapping[str, Meaning] = {
    "unreadable": Meaning("a layout file can't be read as items"),
    "header guard": Meaning("a header of the layout may be taken in twice"),
    "glue": Meaning("guards or shard macros do not pair up"),
    "include": Meaning("an include of the monolith is gone, changed, or points elsewhere from its new place"),
    "include order": Meaning("an include moved behind what it came before"),
    "lost": Meaning("a definition, instantiation or registration of the monolith is in no unit"),
    "added": Meaning("the layout defines something that the monolith does not"),
    "changed": Meaning("a definition's tokens differ from the monolith's"),
    "doubled": Meaning(
        "something that must be defined once is defined by several units",
        "define it in one unit, or make it `inline`",
    ),
    "environment": Meaning("other macros are in force around a definition than in the monolith"),
    "self-contained": Meaning("a unit uses a name of the monolith before, or without, its definition"),
    "odr": Meaning(
        "one external name, different tokens or macros in two units: the linker silently keeps one",
        "give each unit's a name of its own: an unnamed namespace, `static`, or another template argument",
    ),
    "divided state": Meaning(
        "a writable object becomes one object for each unit",
        "define it in one unit and declare it `extern` in the others",
    ),
    "cached state": Meaning("a function's cache becomes one for each unit, filled alike"),
    "initialisation": Meaning("an object may be initialised before what its value comes from"),
    "destruction": Meaning("an object may be destroyed after what its destructor asks for"),
    "visibility": Meaning("something that other files could call is internal now"),
    "arm": Meaning("an arm is in no shard, in two, or cut in the middle"),
    "dispatch": Meaning("the entry sends a value to a shard that does not have its arm"),
    "discriminator": Meaning(
        "the entry chooses a shard by another value than the body chooses its arm by",
        "take `discriminator` out of the rule: it is derived from the text; then split again",
    ),
    "language": Meaning("the layout is not of the language that its units are compiled as"),
    "assumed": Meaning("what tokens can't tell, and the proof takes for granted"),
    "build list": Meaning("a unit is not listed where the monolith is"),
    "fit": Meaning("the rule does not fit the monolith: there is no layout that could be compared"),
}

# What differs between the objects that a compiler made of the two; a code of both means the same.
SYMBOL_CODES: Mapping[str, Meaning] = {
    "doubled": PROGRAM_CODES["doubled"],
    "odr": PROGRAM_CODES["odr"],
    "lost": PROGRAM_CODES["lost"],
    "divided state": PROGRAM_CODES["divided state"],
    "unreadable": Meaning("device code or a layout file can't be read"),
    "empty": Meaning("an object defines nothing: an empty list proves nothing"),
    "not emitted": Meaning("no unit makes it, and none asks for it", severity=NOTE),
    "unresolved": Meaning("a unit asks for what no unit defines"),
    "kernel lost": Meaning("a kernel of the monolith is in no unit"),
    "kernel added": Meaning("a unit has a kernel that the monolith lacks"),
    "kernel doubled": Meaning("a kernel is compiled more often than in the monolith"),
    "kernel shared": Meaning("units compile one kernel to the same machine code", severity=NOTE),
}

CODES: Mapping[str, Meaning] = {**SYMBOL_CODES, **PROGRAM_CODES, **LAYOUT_CODES, **MERGE_CODES}


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: a file in one version (base, ours, theirs, merged; "tree": the one that was looked at).

    ``line`` is 1-based; 0 where no single line is to blame.
    """

    version: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    ``code`` is one of ``CODES``; ``name`` is the item or word that it is about; ``hint`` is what to do. Of a
    merge, ``side`` brought what is at ``places[0]`` (the result, where it can be shown there), the other side
    what is at the further places. Of a tree, ``rule`` is the rule that it is about ("" for files that no rule
    has), and ``grade`` how much it counts where that is not the code's own.
    """

    code: str
    name: str
    message: str
    side: str
    places: tuple[Place, ...]
    hint: str = field(default="", compare=False)
    rule: str = ""
    grade: Severity | None = None

    def __post_init__(self) -> None:
        assert self.code in CODES, self.code

    @property
    def severity(self) -> Severity:
        return self.grade or CODES[self.code].severity

    @property
    def fails(self) -> bool:
        """Whether a check with this finding has failed: errors and warnings do, notes only inform."""
        return self.severity is not NOTE

    @property
    def path(self) -> str:
        """The file to open first; "" where none is to blame."""
        return self.places[0].path if self.places else ""

    @property
    def line(self) -> int | None:
        """The 1-based line to open first, if one is to blame."""
        return self.places[0].line or None if self.places else None


def tree_data(finding: Finding) -> dict[str, Any]:
    """A finding about one version of a tree for ``json.dumps``, as ``check`` and ``verify`` print it."""
    return {
        "check": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "item": finding.name,
    }


def in_tree(
    code: str,
    severity: Severity,
    message: str,
    path: str,
    line: int | None = None,
    name: str = "",
    *,
    rule: str = "",
    hint: str = "",
) -> Finding:
    """A finding about one version of a tree, at the 1-based ``line`` of ``path`` (None: the whole file)."""
    return Finding(code, name, message, "", (Place("tree", path, line or 0),), hint, rule, severity)


def to_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """Findings as plain values: ``schema``, counts by severity, and each finding with all its fields."""
    listed = [{"rule": one.rule, **tree_data(one), "hint": one.hint} for one in findings]
    counts = {str(s): sum(f["severity"] == s for f in listed) for s in Severity}
    return {"schema": 1, "passed": not any(counts[s] for s in ("error", "warning")), "counts": counts} | {
        "findings": listed
    }


@dataclass(frozen=True, slots=True)
class Reporter:
    """Makes findings about one rule."""

    rule: str

    def error(
        self, check: str, message: str, path: str, line: int | None = None, item: str = "", hint: str = ""
    ) -> Finding:
        """Something that is wrong."""
        return in_tree(check, Severity.ERROR, message, path, line, item, rule=self.rule, hint=hint)

    def warning(
        self, check: str, message: str, path: str, line: int | None = None, item: str = "", hint: str = ""
    ) -> Finding:
        """Something that fails a check, too, but may be meant."""
        return in_tree(check, Severity.WARNING, message, path, line, item, rule=self.rule, hint=hint)

    def note(
        self, check: str, message: str, path: str, line: int | None = None, item: str = "", hint: str = ""
    ) -> Finding:
        """Something worth knowing."""
        return in_tree(check, Severity.NOTE, message, path, line, item, rule=self.rule, hint=hint)
