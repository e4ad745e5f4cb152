"""The verbs: where each is, what it is for, and `mergeguard --help`, which shows them all.

The overview is written without the terminal library, as that would write it. Help of one verb, and terminals
too narrow for this, are typer's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mergeguard.cli.markup import escape

PURPOSE = "Keep upstream's heavy C++/CUDA/HIP files split in a fork, and merge as if they were not."

EVERYDAY, SETUP, REVIEW, UPSTREAM, COST = "Everyday", "Setting up", "Reviewing", "Upstream", "Cost"


class Verb(NamedTuple):
    """Where a verb is: the panel of ``--help``, the module below ``mergeguard.cli``, the function or group.

    ``summary`` is how its help begins (the first paragraph of the function's docstring).
    """

    panel: str
    module: str
    attribute: str
    summary: str


# In the order of --help: the everyday ones first. A new verb is a function in a module and a line here.
VERBS: dict[str, Verb] = {
    "sync": Verb(
        EVERYDAY,
        "sync",
        "sync",
        "Merge upstream as if the split had never happened, then derive the layouts again.",
    ),
    "status": Verb(
        EVERYDAY,
        "looking",
        "status",
        "Each rule: what it is split from, how far upstream has moved, which local edits are where.",
    ),
    "where": Verb(
        EVERYDAY,
        "looking",
        "where",
        "The line of the monolith that a layout file's line is, or the other way round.",
    ),
    "report": Verb(
        EVERYDAY,
        "report",
        "report",
        "What came from upstream, the local edits and where they are, and what needs a look.",
    ),
    "unmapped": Verb(
        EVERYDAY, "report", "unmapped_app", "Review unmapped hunks to the end; without a command: list them."
    ),
    "repair": Verb(
        EVERYDAY,
        "install",
        "repair",
        "Complete a merge, rebase or pick of plain git that left split files incomplete.",
    ),
    "recover": Verb(
        EVERYDAY,
        "install",
        "recover",
        "Bring the repository to before or after a run that was interrupted (every other verb does, too).",
    ),
    "rules": Verb(SETUP, "rules", "rules_app", "List, explain and add rules; without a command: list them."),
    "init": Verb(
        SETUP,
        "proposing",
        "init",
        "Write a first rule that splits a file, the best that can be proved; of a folder, rank its files.",
    ),
    "split": Verb(
        SETUP,
        "setting_up",
        "split",
        "Derive the layouts and stage them; what is split already is derived again from its monolith.",
    ),
    "adopt": Verb(
        SETUP,
        "exchange",
        "adopt",
        "Change over from a split made by hand: local edits are kept, the layout is derived, then staged.",
    ),
    "leave": Verb(
        SETUP,
        "setting_up",
        "leave",
        "The way back out: stage the monolith whole, with every local edit in it, and drop the rule.",
    ),
    "mode": Verb(
        SETUP,
        "building",
        "mode",
        "Change a rule over: its layout committed in the tree, or made by the build. One staged change.",
    ),
    "generate": Verb(
        SETUP,
        "building",
        "generate",
        "Make the layouts of rules in build mode in a build folder; what did not change keeps its time.",
    ),
    "install": Verb(
        SETUP,
        "install",
        "install",
        "Set up hooks and merge driver: plain git merge, rebase, cherry-pick, … then keep split files right.",
    ),
    "uninstall": Verb(
        SETUP,
        "install",
        "uninstall",
        "Take back what install did; hooks that were there before are in their places again.",
    ),
    "trust": Verb(
        REVIEW,
        "trusting",
        "trust",
        "Which compile commands the repository proposes, and accept one for this clone, by its digest.",
    ),
    "completion": Verb(
        SETUP,
        "documents.completion",
        "completion",
        'Print a completion script, also for `git mergeguard`: `eval "$(mergeguard completion bash)"`.',
    ),
    "demo": Verb(
        SETUP,
        "setting_up",
        "demo",
        "A small upstream and fork made on the spot, and a real sync between them.",
    ),
    "check": Verb(
        REVIEW,
        "review",
        "check",
        "The laws on your own repository: drift, edited glue, unmapped hunks, double homes, ODR traps.",
    ),
    "ledger": Verb(
        REVIEW,
        "ledger",
        "ledger",
        "What only the fork has, by feature, and what the last merge made of it: survives, moved, lost.",
    ),
    "verify": Verb(REVIEW, "proving", "verify", "Prove that the layout is the same program as the monolith."),
    "audit": Verb(
        REVIEW,
        "review",
        "audit",
        "What conflict markers don't show after a merge: doubled, lost, unused, renamed under your feet.",
    ),
    "unsplit": Verb(
        REVIEW, "looking", "unsplit", "The tree as upstream would have it, with the fork's own edits."
    ),
    "export": Verb(
        UPSTREAM,
        "exchange",
        "export",
        "Write the fork's own edits as patches against upstream's files, for `git am`.",
    ),
    "import": Verb(
        UPSTREAM,
        "exchange",
        "import_",
        "Apply patches that were written against upstream's files; they land in the right shards.",
    ),
    "blame": Verb(
        UPSTREAM,
        "blame",
        "blame",
        "Who wrote each line of a layout file: upstream's authors for lines that moved here.",
    ),
    "preview": Verb(
        UPSTREAM,
        "preview",
        "preview",
        "What the next merge would cost, on any fork: no rules, no set-up, nothing is changed.",
    ),
    "plan": Verb(
        UPSTREAM,
        "review",
        "plan",
        "The way to a far-away upstream: the longest clean runs, each conflicting commit by itself.",
    ),
    "solve": Verb(
        UPSTREAM,
        "solve",
        "solve",
        "Solve what is certain in files that have conflict markers, whoever wrote them; stage nothing.",
    ),
    "merge-file": Verb(
        UPSTREAM,
        "solve",
        "merge_file",
        "As `git merge-file`, but by declarations where lines conflict; build files' source lists are sets.",
    ),
    "cost": Verb(
        COST, "proving", "cost", "Compile the monolith and each shard, and show what the split saves."
    ),
    "budget": Verb(
        COST,
        "proving",
        "budget",
        "Which dealing of the arms to shards fits into memory, from measured costs.",
    ),
}

# Verbs that take what git's command of that name takes.
GITS = ("blame", "merge-file")

# --- the overview -------------------------------------------------------------------------------------

#: Below this many columns the columns would have to be squeezed.
NARROWEST = 60

_USAGE = "mergeguard [OPTIONS] COMMAND [ARGS]..."
# Of an option: spelling, short spelling, what it takes, help.
_OPTIONS = (
    ("", "-C", "DIR", "Run as if started in DIR. [default: .]"),
    ("--debug", "", "", "Show tracebacks."),
    ("--version", "", "", ""),
    ("--cmake-dir", "", "", "For -Dmergeguard_DIR=…"),
    ("--help", "-h", "", "Show this message and exit."),
)


def overview(width: int) -> Iterator[str]:
    """The lines, with markup, for ``width`` columns (at least ``NARROWEST``)."""
    yield " " * width
    yield f" [bold yellow]Usage:[/] [bold]{escape(_USAGE)}[/]{' ' * (width - len(_USAGE) - 8)}"
    yield " " * width
    for line in _wrapped(PURPOSE, width - 2):
        yield f" {line:{width - 2}} "
    yield " " * width
    yield from _panel("Options", _options(width - 4), width)
    longest = max(map(len, VERBS))
    for panel in dict.fromkeys(verb.panel for verb in VERBS.values()):
        yield from _panel(panel, _verbs(panel, longest, width - 4), width)
    yield ""


def _panel(title: str, rows: Iterator[str], width: int) -> Iterator[str]:
    yield f"[dim]╭─ {title} {'─' * (width - len(title) - 5)}╮[/]"
    for row in rows:
        yield f"[dim]│[/] {row} [dim]│[/]"
    yield f"[dim]╰{'─' * (width - 2)}╯[/]"


def _options(width: int) -> Iterator[str]:
    for spelling, short, takes, text in _OPTIONS:
        marked = f"[bold cyan]{spelling:11}[/]  [bold green]{short:2}[/]      [bold yellow]{takes:3}[/]  "
        yield from _row(marked, 26, text, width)


def _verbs(panel: str, longest: int, width: int) -> Iterator[str]:
    verbs = [(name, verb) for name, verb in VERBS.items() if verb.panel == panel]
    # Verbs of several commands come last, as typer has it.
    for name, verb in sorted(verbs, key=lambda item: item[1].attribute.endswith("_app")):
        yield from _row(f"[bold cyan]{name:{longest}}[/]  ", longest + 2, verb.summary, width)


def _row(marked: str, taken: int, text: str, width: int) -> Iterator[str]:
    for line in _wrapped(text, width - taken):
        yield f"{marked}{escape(f'{line:{width - taken}}')}"
        marked = " " * taken


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines
