"""The rules of a fork and those that ship: listed, explained, added.

Values in, values out: the terminal renders them, and ``add`` only says which files to write.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from enum import StrEnum
from typing import Any

from mergeguard.cpp.filenames import UNITS
from mergeguard.cpp.source import Source, parse
from mergeguard.data import shipped_rules
from mergeguard.errors import Location, MergeguardError, RuleError, RuleMismatch
from mergeguard.fork.workspace import RULES, Guarded, Workspace
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.explain import Placement as Placement
from mergeguard.lens.explain import placement
from mergeguard.lens.reading import require_text
from mergeguard.lens.rule import Rule, json_schema, parse_rule
from mergeguard.propose.headers import RepositoryHeaders
from mergeguard.propose.propose import Proposal, propose, rule_name
from mergeguard.propose.survey import Survey, survey
from mergeguard.values import dataclass
from mergeguard.verbs.ownheaders import repository_headers


class RuleState(StrEnum):
    """How a rule and a tree stand to each other."""

    SPLIT = "split"
    EDITED = "rule edited since the split"
    NOT_SPLIT = "not split"
    RETIRED = "monolith missing"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule of a fork. ``path`` is where the tree has the monolith, None if it has none."""

    name: str
    description: str
    monolith: str
    path: str | None
    state: RuleState
    rule_path: str


def list_rules(workspace: Workspace) -> tuple[RuleRow, ...]:
    """The rules of the workspace, in name order."""
    rows = []
    for guarded in sorted(workspace.guarded, key=lambda g: g.name):
        rule = guarded.rule
        path = workspace.monolith_path(guarded)
        rows.append(
            RuleRow(
                guarded.name,
                rule.description,
                rule.monolith,
                path,
                _state(guarded, path),
                guarded.rule_path,
            )
        )
    return tuple(rows)


def _state(guarded: Guarded, path: str | None) -> RuleState:
    if guarded.lock is not None:
        return RuleState.SPLIT if guarded.lock.rule == guarded.rule_oid else RuleState.EDITED
    return RuleState.RETIRED if path is None else RuleState.NOT_SPLIT


@dataclass(frozen=True, slots=True)
class FileShare:
    """A file of the layout: its path in the repository, role, lines, and bytes that are the monolith's."""

    path: str
    role: str
    lines: int
    bytes: int
    monolith_bytes: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a rule makes of its monolith in this tree. Homes in ``placement`` are relative to ``folder``."""

    name: str
    description: str
    path: str
    folder: str
    state: RuleState
    placement: Placement
    files: tuple[FileShare, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values for ``json.dumps``."""
        from dataclasses import asdict

        return asdict(self)


def explain(workspace: Workspace, name: str) -> Explanation:
    """What the rule file of the tree makes of its monolith, the fork's own edits included.

    Raises RuleError (no such rule), RuleMismatch (monolith missing, or the rule does not fit it).
    """
    guarded = workspace.rule(name)
    path = workspace.monolith_path(guarded)
    if guarded.is_split:
        text: bytes | None = workspace.unsplit(guarded).monolith
    else:
        text = None if path is None else workspace.read(path)
    if path is None or text is None:
        raise RuleMismatch(
            f"the monolith of rule {name} is not in this tree (looked for {', '.join(guarded.rule.paths())})",
            where=Location(guarded.rule_path),
            hint="name its new path in `monolith`, or remove the rule",
        )
    layout = workspace.split_now(guarded, path, text, emission_of(guarded.rule))
    files = tuple(
        FileShare(
            file.path, str(file.role), len(file.text.splitlines()), len(file.text), len(file.monolith_text)
        )
        for file in layout.files
    )
    return Explanation(
        name,
        guarded.rule.description,
        path,
        guarded.rule.folder(path),
        _state(guarded, path),
        placement(guarded.rule, path, parse(text)),
        files,
        layout.notes,
    )


# -- the rules that ship ---------------------------------------------------------------------------


def shipped() -> dict[str, tuple[str, ...]]:
    """The sets of rules that ship: name of the set to the names of its rules."""
    sets: dict[str, list[str]] = {}
    for path in shipped_rules():
        folder, _, file = path.rpartition("/")
        sets.setdefault(folder, []).append(file.removesuffix(".toml"))
    return {name: tuple(rules) for name, rules in sets.items() if name}


@dataclass(frozen=True, slots=True)
class Addition:
    """What ``add`` would do: ``files`` to write (path to bytes), and the rules it leaves out.

    ``missing``: rules whose monolith the tree does not have; ``present``: rules that are there already,
    the same; ``claimed``: (rule, the fork's own rule that has its monolith); ``differing``: rules that say
    something else in the fork.
    """

    files: dict[str, bytes]
    missing: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    claimed: tuple[tuple[str, str], ...] = ()
    differing: tuple[str, ...] = ()

    @property
    def added(self) -> tuple[str, ...]:
        """The names of the rules to write."""
        return tuple(path.removeprefix(f"{RULES}/").removesuffix(".toml") for path in self.files)


def add(workspace: Workspace, name: str, *, everything: bool = False, update: bool = False) -> Addition:
    """The rule files that adding the shipped set or rule ``name`` means for this tree.

    ``name`` is a set ("vllm"), a rule ("vllm/attention"), or a rule's last name if only one set has it.
    ``everything`` takes also rules whose monolith the tree does not have, ``update`` those that say something
    else in the fork. Raises RuleError for an unknown name, and where a single rule was asked for that can't
    be taken.
    """
    chosen = _chosen(name)
    files: dict[str, bytes] = {}
    missing: list[str] = []
    present: list[str] = []
    claimed: list[tuple[str, str]] = []
    differing: list[str] = []
    owners = {path: g.name for g in workspace.guarded for path in g.rule.paths()}
    for shipped_name, text in chosen.items():
        target = f"{RULES}/{shipped_name}.toml"
        rule = parse_rule(text, target)
        there = workspace.read(target)
        if there == text:
            present.append(shipped_name)
            continue
        if there is not None:
            if update:
                files[target] = text
            elif len(chosen) > 1:
                differing.append(shipped_name)
            else:
                raise RuleError(
                    f"the fork has a rule `{shipped_name}` of its own, which differs from the shipped one",
                    where=Location(target),
                    hint=f"`mergeguard rules add {shipped_name} --update` takes the shipped one; or rename "
                    f"{target} first",
                )
            continue
        other = next((owners[p] for p in rule.paths() if p in owners), None)
        if other is not None:
            claimed.append((shipped_name, other))
        elif everything or has_monolith(workspace, rule):
            files[target] = text
        else:
            missing.append(shipped_name)
    if len(chosen) == 1 and missing:
        raise RuleError(
            f"the monolith of `{missing[0]}` is not in this tree",
            hint="`--all` adds the rule nevertheless",
        )
    if len(chosen) == 1 and claimed:
        raise RuleError(
            f"the monolith of `{claimed[0][0]}` belongs to the fork's rule `{claimed[0][1]}`",
            where=Location(f"{RULES}/{claimed[0][1]}.toml"),
            hint="a monolith has one rule: remove that one first",
        )
    return Addition(files, tuple(missing), tuple(present), tuple(claimed), tuple(differing))


def _chosen(name: str) -> dict[str, bytes]:
    everything = {path.removesuffix(".toml"): text for path, text in shipped_rules().items()}
    wanted = name.strip("/").removesuffix(".toml")
    found = {path: text for path, text in everything.items() if path.startswith(f"{wanted}/")}
    if not found and wanted in everything:
        found = {wanted: everything[wanted]}
    if not found:
        found = {p: t for p, t in everything.items() if p.rpartition("/")[2] == wanted}
        if len(found) > 1:
            raise RuleError(
                f"several sets have a rule `{wanted}`: {', '.join(found)}", hint="name one of them"
            )
    if not found:
        sets = ", ".join(f"{s} ({', '.join(rules)})" for s, rules in shipped().items())
        raise RuleError(
            f"no rule or set of rules called `{name}` ships with mergeguard", hint=f"there are: {sets}"
        )
    return {path.rpartition("/")[2]: text for path, text in found.items()}


# -- first rules -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FirstRule:
    """What ``mergeguard init`` would write: ``path`` is the rule's file; ``survey`` is what there was."""

    path: str
    text: bytes
    proposal: Proposal
    survey: Survey

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.path.removeprefix(f"{RULES}/").removesuffix(".toml")


def look(workspace: Workspace, path: str) -> Survey:
    """What could split the file at ``path``. Raises RuleError where the tree has no such file."""
    return survey(_readable(workspace, path))


def require_free(workspace: Workspace, path: str) -> None:
    """RuleError where a rule has the file at ``path`` already: as its monolith, or in its layout."""
    for guarded in workspace.guarded:
        mine = path in guarded.rule.paths() or path == workspace.monolith_path(guarded)
        if mine or (guarded.is_split and path in workspace.over(guarded).by_path):
            raise RuleError(
                f"{path} has a rule already: {guarded.name}",
                where=Location(guarded.rule_path),
                hint=f"`mergeguard rules explain {guarded.name}` shows what it does; a file has one rule: "
                f"edit {guarded.rule_path}, or `mergeguard leave {guarded.name}` first",
            )


def first_rule(
    workspace: Workspace,
    path: str,
    name: str | None = None,
    doubt: Callable[[str, bytes], str] = lambda _path, _text: "",
) -> FirstRule:
    """A rule for the file at ``path`` (relative to the root) that splits it and passes ``check``.

    ``doubt`` has a last word on a rule's path and text: why not, or "".

    Raises RuleError (no such file, the file or the name has a rule already), SourceError (unreadable),
    RuleMismatch (nothing in it can be dealt to shards; the message lists what was found).
    """
    source = _readable(workspace, path)
    require_free(workspace, path)
    target = f"{RULES}/{name or rule_name(path)}.toml"
    if workspace.repository.entry(workspace.tree, target) is not None:
        raise RuleError(
            "there is a rule of this name", where=Location(target), hint="give another name: `--name`"
        )
    proposal = _proposal(
        workspace, source, path, repository_headers(workspace), lambda p: doubt(target, p.text)
    )
    return FirstRule(target, proposal.text, proposal, survey(source))


@dataclass(frozen=True, slots=True)
class Ranked:
    """A file of a tree and how it could be split: ``heaviest`` per cent would be left of it in one unit,
    ``with_headers`` per cent of what it costs with the headers that each unit reads.

    ``how`` is "" where nothing pays; ``why`` then says so in a sentence.
    """

    path: str
    bytes: int
    how: str
    heaviest: int
    with_headers: int
    shards: int
    why: str = ""


def rank(
    workspace: Workspace, folder: str, most: int, among: Container[str] | None = None
) -> Iterator[Ranked]:
    """The ``most`` largest units below a folder ("" is the root), largest first, each with its best split.

    ``among``: only these paths.

    Files that have a rule, and those that rules made, are left out.
    """
    repository = workspace.repository
    prefix = f"{folder}/" if folder else ""
    sizes = {
        path: size
        for path, size in repository.sizes(workspace.tree).items()
        if path.startswith(prefix) and path.endswith(UNITS) and (among is None or path in among)
    }
    headers = repository_headers(workspace)
    for path in sorted(sizes, key=lambda p: (-sizes[p], p))[:most]:
        try:
            require_free(workspace, path)
        except RuleError:
            continue
        try:
            made = _proposal(workspace, _readable(workspace, path), path, headers)
        except MergeguardError as error:
            yield Ranked(path, sizes[path], "", 100, 100, 0, error.message)
            continue
        how = "; ".join(made.chosen)
        shards = len(made.layout.shards)
        yield Ranked(path, sizes[path], how, made.heaviest, made.with_headers, shards)


def _proposal(
    workspace: Workspace,
    source: Source,
    path: str,
    headers: RepositoryHeaders,
    doubt: Callable[[Proposal], str] = lambda _: "",
) -> Proposal:
    def exists(other: str) -> bool:
        return workspace.repository.entry(workspace.tree, other) is not None

    return propose(source, path, exists, headers, doubt)


def _readable(workspace: Workspace, path: str) -> Source:
    text = workspace.read(path)
    if text is None:
        raise RuleError(
            "no such file in the index", where=Location(path), hint="`git add` the file if it is new"
        )
    require_text(path, text)
    return parse(text)


def has_monolith(workspace: Workspace, rule: Rule) -> bool:
    """Whether the tree has a file at one of the rule's paths."""
    return any(workspace.read(path) is not None for path in rule.paths())


def schema() -> dict[str, Any]:
    """The JSON Schema of a rule file."""
    return json_schema()
