"""What an audit can find: every code with its meaning, what to do, and how bad it is."""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """``level`` is SARIF's: "error" for what is wrong as it stands, "warning" for what needs a look."""

    short: str
    advice: str
    level: str


CODES: Mapping[str, Meaning] = {
    "duplicate-definition": Meaning("a definition is there twice now", "Keep one of the two.", "error"),
    "duplicate-macro": Meaning(
        "a macro is defined twice now", "Keep one: the second silently wins.", "error"
    ),
    "duplicate-name": Meaning("a variable or member is declared twice now", "Keep one of the two.", "error"),
    "doubled-code": Meaning("what both sides added is there twice now", "Keep one of the two.", "error"),
    "left-scope": Meaning(
        "code that left its condition, namespace, linkage or branch",
        "Move it back under what its side put it under.",
        "error",
    ),
    "emptied-block": Meaning(
        "a condition with nothing left in it",
        "Remove it, or restore what it held.",
        "error",
    ),
    "kept-stub": Meaning(
        "a stub or twin of what one side removed", "Remove it, or bring back the other.", "error"
    ),
    "lost-separator": Meaning("two operands or signs side by side", "Put the separator back.", "error"),
    "lost-operand": Meaning("an operand that one side added is gone", "Add it again.", "error"),
    "unbalanced": Meaning("brackets or conditions that do not pair", "Pair them.", "error"),
    "duplicate-arm": Meaning("a case or condition is there twice now", "Keep one of the two.", "error"),
    "duplicate-registration": Meaning("an operator is registered twice now", "Keep one of the two.", "error"),
    "undefined-registration": Meaning(
        "a registration without its function or schema",
        "Remove the registration, or bring back what it names.",
        "error",
    ),
    "lost-registration": Meaning(
        "a function that is no longer registered",
        "Register it again, or remove the function.",
        "warning",
    ),
    "gone-name": Meaning("a name that one side took away is still used", "Use what replaced it.", "error"),
    "gone-file": Meaning("a file that one side took away is included", "Include what replaced it.", "error"),
    "changed-signature": Meaning(
        "parameters changed on one side, new calls on the other",
        "Compare the call with the new parameters.",
        "warning",
    ),
    "unused-edit": Meaning(
        "an edit in code that nothing uses any more",
        "Move the edit to what is used instead.",
        "warning",
    ),
    "overwritten-edit": Meaning(
        "an edit that a rewrite has overwritten",
        "Make the edit again in the rewritten code.",
        "warning",
    ),
    "lost-lines": Meaning("what a side added is not in the result", "Add it again.", "warning"),
    "doubled-lines": Meaning("what a side added is there twice", "Keep one of the two.", "warning"),
    "undone-removal": Meaning("what a side removed is back", "Remove it again.", "warning"),
    "lost-guard": Meaning("a condition or template argument vanished", "Put it back.", "warning"),
    "swallowed-include": Meaning(
        "an include that came under a condition or into a namespace",
        "Move the include above it.",
        "error",
    ),
    "ast-error": Meaning("an error that clang sees in the result alone", "Look at the line.", "error"),
    "layout": Meaning(
        "a layout that is no longer the monolith's program, or rests on what has changed",
        "`mergeguard check` shows it.",
        "error",
    ),
    "not-audited": Meaning("an audit that broke off", "Run `mergeguard --debug audit`.", "error"),
    "guard-changed": Meaning(
        "one side edited a condition, the other what stands under it",
        "Look whether the code is still under the right condition.",
        "warning",
    ),
}
