"""What ``--json`` prints, as types: the published schema and a page of the reference are made of them.

Every document has ``mergeguard``, the version of the format (fields may be added to it, none change their
meaning), and ``kind``. ``report``, ``verify``, ``cost`` and ``budget`` have schemas of their own.
``python -m mergeguard.cli.documents.outputs`` prints the schema, which is ``docs/output.schema.json``.
"""

from __future__ import annotations

import inspect
import sys
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from mergeguard.verbs.rulebook import FileShare, Placement

Line = Annotated[int, Meta(ge=0, description="1-based; 0 where no single line is meant.")]
Commit = Annotated[str, Meta(description="A commit, in full.")]
Path = Annotated[str, Meta(description="Relative to the repository's root.")]


class Value(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of a document."""


class Document(Value, tag_field="kind"):
    """A document; ``kind`` says which."""

    mergeguard: Literal[1]


# -- parts -----------------------------------------------------------------------------------------------


class EditPart(Value):
    """A local edit and where it is now: lines added and removed, in which declaration."""

    path: Path
    line: Line
    item: str
    added: int
    removed: int


class HunkPart(Value):
    """A changed stretch of a layout: an edit of glue, or one that has no place in upstream's file."""

    path: Path
    line: Line
    pristine_line: Annotated[int, Meta(description="In the layout that nobody has edited.")]
    reason: str
    message: str
    detail: str
    old: str
    new: str


class NearestPart(Value):
    """The declaration that stands nearest to a hunk."""

    item: str
    upstream_line: int | None


class CandidatePart(Value):
    """A place where a hunk could go: before or after a line, or in a declaration."""

    path: Path
    line: Line
    side: str
    item: str
    similarity: float
    condition: str


class DoesPart(Value):
    """A command, and what it does."""

    does: str
    command: str


class UnmappedHunkPart(HunkPart):
    """A hunk without a place, with all there is to resolve it."""

    id: str
    rule: str
    open: Annotated[bool, Meta(description="False once somebody keeps it in the layout.")]
    kept: Annotated[str | None, Meta(description="Why it is kept; null where it is open.")]
    nearest: NearestPart | None
    places: list[CandidatePart]
    commands: list[DoesPart]
    patch: str


class PlacePart(Value):
    """A place in one version (base, ours, theirs, merged); ``layout`` is the same in the split tree."""

    version: str
    path: Path
    line: Line
    layout: Annotated[tuple[str, int] | None, Meta(description="Path and line.")]


class BroughtPart(Value):
    """The commit that brought one side's part of a finding."""

    side: str
    oid: Commit
    subject: str


class AuditFindingPart(Value):
    """What an audit found; the codes are in the reference of findings."""

    code: str
    name: str
    message: str
    hint: str
    side: str
    places: list[PlacePart]
    commits: list[BroughtPart]


class CheckFindingPart(Value):
    """What a check found; ``check`` is its code."""

    rule: Annotated[str, Meta(description='"" for files that no rule has.')]
    check: str
    severity: Literal["error", "warning", "note"]
    message: str
    path: Path
    line: int | None
    item: str
    hint: str


class MovedPart(Value):
    """Where an edit that followed its declaration is now."""

    path: Path
    line: Line
    name: str


class FollowedPart(Value):
    """An edit whose declaration upstream has moved to another file."""

    name: str
    path: Path
    fate: Literal["followed", "conflict", "unsure"]
    places: list[MovedPart]
    why: str


# -- everyday --------------------------------------------------------------------------------------------


class SyncedRulePart(Value):
    """A rule in a sync: what upstream did to its file (``state``), and what became of the edits."""

    name: str
    monolith: Path
    state: str
    replayed: list[EditPart]
    overlay: list[HunkPart]
    unmapped: list[HunkPart]
    conflicts: list[Path]
    notes: list[str]
    findings: list[str]


class MergePart(Value):
    """A merge with upstream: what came, what conflicted, what was found."""

    upstream: str
    theirs: Commit
    ours: Commit
    merge_bases: list[Commit]
    commits: Annotated[int, Meta(description="Of upstream, that came.")]
    up_to_date: bool
    clean: bool
    commit: Annotated[Commit | None, Meta(description="The merge commit; null where none was made.")]
    tree: str
    conflicts: list[Path]
    messages: list[str]
    decided: Annotated[list[str], Meta(description="What policies have decided.")]
    findings: list[str]
    followed: list[FollowedPart]
    audit: Annotated[list[AuditFindingPart] | None, Meta(description="Null where there was no audit.")]
    losses: Annotated[
        list[CheckFindingPart], Meta(description="Of the fork's own work, where a ledger is kept.")
    ]
    history: Annotated[dict[str, str], Meta(description="By rule: what earlier merges had left out.")]
    rules: list[SyncedRulePart]


class SyncDocument(MergePart, tag_field="kind", tag="sync"):
    """`sync REF`"""

    mergeguard: Literal[1]


class StepsDocument(Document, tag="steps"):
    """`sync --stepwise`"""

    left: Annotated[int, Meta(description="Commits of upstream that are not merged yet.")]
    steps: list[MergePart]


class ContinueDocument(Document, tag="continue"):
    """`sync --continue`, of a merge"""

    commit: Commit
    audit: list[AuditFindingPart] | None
    losses: list[CheckFindingPart]


class PickPart(Value):
    """A local commit that a rebase replayed, or left out (``new`` is null) and ``why``."""

    old: Commit
    new: Commit | None
    subject: str
    why: str


class RebaseDocument(Document, tag="rebase"):
    """`sync --rebase`, and `sync --continue` of one"""

    upstream: str
    onto: Commit
    original: Commit
    tip: Commit
    up_to_date: bool
    clean: bool
    picks: list[PickPart]
    stopped: Annotated[Commit | None, Meta(description="The commit that conflicts.")]
    conflicts: list[Path]
    todo: list[Commit]
    audit: list[AuditFindingPart] | None


class DriftPart(Value):
    """How far upstream's file has moved since the last sync, in lines."""

    added: int
    removed: int


class StatusRulePart(Value):
    """A rule as it stands. ``problem`` is what needs a person, null where nothing does."""

    name: str
    monolith: Path | None
    state: str
    upstream_blob: str | None
    drift: DriftPart | None
    edits: list[EditPart]
    overlay: list[HunkPart]
    unmapped: list[HunkPart]
    problem: str | None


class StatusDocument(Document, tag="status"):
    """`status`"""

    upstream: str | None
    rules: list[StatusRulePart]
    conflicts: list[Path]


class WhereDocument(Document, tag="where"):
    """`where FILE:LINE`"""

    path: Path
    line: Annotated[int | None, Meta(description="Null in glue, which the other side does not have.")]
    item: str
    glue: str | None
    upstream_line: int | None


class UnmappedDocument(Document, tag="unmapped"):
    """`unmapped list` and `unmapped show`"""

    hunks: list[UnmappedHunkPart]


# -- setting up ------------------------------------------------------------------------------------------


class LaidOutFilePart(Value):
    """A file of a layout."""

    path: Path
    role: str
    bytes: int


class SplitRulePart(Value):
    """A rule whose layout was derived. ``unlisted`` are units that no build file lists, ``parted`` says what
    headers define for one unit alone and several of the layout's would have."""

    name: str
    monolith: Path
    files: list[LaidOutFilePart]
    notes: list[str]
    unmapped: list[HunkPart]
    unlisted: list[Path]
    parted: list[str]


class RefusedRulePart(Value):
    """A rule that does not fit its file, which stays as it is."""

    name: str
    problem: str
    hint: str


class SplitDocument(Document, tag="split"):
    """`split`"""

    staged: bool
    tree: str
    rules: list[SplitRulePart]
    build_files: Annotated[list[Path], Meta(description="Whose lists of sources change.")]
    refused: list[RefusedRulePart]


class ListedRulePart(Value):
    """A rule of the fork. ``path`` is where its file is, null where it is gone."""

    name: str
    description: str
    monolith: Path
    path: Path | None
    state: str
    rule_path: Path


class RulesDocument(Document, tag="rules"):
    """`rules list`"""

    rules: list[ListedRulePart]
    shipped: Annotated[dict[str, list[str]], Meta(description="The ready rules, by set.")]


class ExplanationDocument(Document, tag="explanation"):
    """`rules explain RULE`"""

    name: str
    description: str
    path: Path
    folder: Path
    state: str
    placement: Placement
    files: list[FileShare]
    notes: list[str]


class ActionPart(Value):
    """One thing that was set up or taken back."""

    what: str
    where: str
    note: str


class InstallDocument(Document, tag="install"):
    """`install`"""

    actions: list[ActionPart]


class UninstallDocument(Document, tag="uninstall"):
    """`uninstall`"""

    actions: list[ActionPart]


class GenerateDocument(Document, tag="generate"):
    """`generate --print json`"""

    units: Annotated[dict[str, list[str]], Meta(description="By monolith: what to compile in its place.")]
    files: list[str]
    warnings: list[str]


class AdoptedTextPart(Value):
    """A piece of a split made by hand, and what it is taken as (``fate``)."""

    path: Path
    line: Line
    item: str
    fate: str
    reason: str
    added: int
    removed: int
    text: str


class AdoptDocument(Document, tag="adopt"):
    """`adopt RULE`"""

    staged: bool
    refused: Annotated[str | None, Meta(description="Why not; null where it went.")]
    rule: str
    monolith: Path
    files: list[Path]
    tree: str
    kept: list[Path]
    listing: Annotated[str | None, Meta(description="The file that lists what is to be typed again.")]
    interface: str
    decide: Annotated[list[str], Meta(description="Functions of which one decision is left.")]
    declarations: list[AdoptedTextPart]


# -- reviewing -------------------------------------------------------------------------------------------


class CheckDocument(Document, tag="check"):
    """`check`"""

    schema: Literal[1]
    passed: bool
    counts: Annotated[dict[str, int], Meta(description="By severity.")]
    findings: list[CheckFindingPart]


class AuditedMergePart(Value):
    """A merge that was audited; ``merge`` is null for one that is not committed yet."""

    merge: Commit | None
    subject: str
    base: str
    ours: Commit
    theirs: Commit
    files: int
    findings: list[AuditFindingPart]


class AuditDocument(Document, tag="audit"):
    """`audit`"""

    clean: bool
    merges: list[AuditedMergePart]


class NowPart(Value):
    """Where a piece of work is now; an empty path where it is nowhere."""

    path: str
    line: Line


class WorkPiecePart(Value):
    """A piece of the fork's own work: a declaration, or a file (``name`` is empty)."""

    id: str
    feature: str
    path: Path
    kind: str
    name: str
    change: str
    fate: str
    now: NowPart
    lines: Annotated[int, Meta(description="That the fork added to it.")]
    kept: Annotated[int, Meta(description="Of those, that are still there.")]
    accepted: Annotated[str | None, Meta(description="Why a loss was meant.")]


class LedgerDocument(Document, tag="ledger"):
    """`ledger`"""

    merge: Commit | None
    upstream: str
    clean: bool
    work: list[WorkPiecePart]
    pins: Annotated[list[str], Meta(description="Pins that do not hold.")]


class UnsplitDocument(Document, tag="unsplit"):
    """`unsplit`"""

    tree: str
    unmapped: list[HunkPart]


class ProposalPart(Value):
    """A command that the repository proposes."""

    rule: str
    where: str
    command: list[str]
    digest: str
    accepted: bool


class TrustDocument(Document, tag="trust"):
    """`trust`"""

    proposals: list[ProposalPart]


# -- with upstream ---------------------------------------------------------------------------------------


class ConflictsPart(Value):
    """What a merge would leave to do by hand."""

    files: list[Path]
    hunks: int
    lines: int


class HeavyFilePart(Value):
    """A file that could be split, or is."""

    path: Path
    lines: int
    split: bool


class CopiedFilePart(Value):
    """A copy of a file that upstream has changed since."""

    path: Path
    original: Path
    share: float


class BothWaysPart(Value):
    """The same merge by git and by mergeguard."""

    git: ConflictsPart
    mergeguard: ConflictsPart


class PreviewDocument(Document, tag="preview"):
    """`preview --format json`"""

    upstream: str
    head: Commit
    theirs: Commit
    number: Annotated[int, Meta(description="Conflict lines and findings: the number to watch.")]
    behind: int
    ahead: int
    both_changed: list[Path]
    conflicts: BothWaysPart
    findings: list[AuditFindingPart]
    heavy: list[HeavyFilePart]
    copied: list[CopiedFilePart]


class PlannedStepPart(Value):
    """A run of upstream's commits to merge at once."""

    first: Commit
    last: Commit
    count: int
    files: int
    conflicts: list[str]
    findings: list[str]
    subject: str


class PlanDocument(Document, tag="plan"):
    """`plan`"""

    head: Commit
    upstream: str
    commits: int
    probes: int
    steps: list[PlannedStepPart]


class PatchPart(Value):
    """A patch that was written; ``path`` is null where it was printed."""

    path: str | None
    commit: Commit | None
    subject: str
    files: list[Path]
    added: int
    removed: int


class LeftOutPart(Value):
    """A commit that is in no patch, and why."""

    commit: Commit
    subject: str
    reason: str


class ExportDocument(Document, tag="export"):
    """`export`"""

    onto: Commit
    base: Commit
    cover_letter: str | None
    patches: list[PatchPart]
    left_out: list[LeftOutPart]
    unmapped: list[HunkPart]


class PatchedFilePart(Value):
    """A file that a patch changed; null counts are a binary file's."""

    path: Path
    added: int | None
    removed: int | None


class ImportDocument(Document, tag="import"):
    """`import`"""

    staged: bool
    commits: list[Commit]
    tree: str
    files: list[PatchedFilePart]
    notes: list[str]


#: Every kind of document that this module describes.
DOCUMENTS: dict[str, type[msgspec.Struct]] = {
    str(document.__struct_config__.tag): document
    for document in (
        *(
            SyncDocument,
            StepsDocument,
            ContinueDocument,
            RebaseDocument,
            StatusDocument,
            WhereDocument,
            UnmappedDocument,
        ),
        *(
            SplitDocument,
            RulesDocument,
            ExplanationDocument,
            InstallDocument,
            UninstallDocument,
            GenerateDocument,
            AdoptDocument,
        ),
        *(CheckDocument, AuditDocument, LedgerDocument, UnsplitDocument, TrustDocument),
        *(PreviewDocument, PlanDocument, ExportDocument, ImportDocument),
    )
}


def schema() -> dict[str, Any]:
    """The JSON Schema of all documents (draft 2020-12): ``kind`` says which one counts."""
    documents, parts = msgspec.json.schema_components(
        tuple(DOCUMENTS.values()), ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mergeguard --json",
        "description": "What `--json` prints, by `kind`. `mergeguard` is the format's version: fields may be "
        "added to it, none change their meaning.",
        "oneOf": list(documents),
        "$defs": _dedented(dict(sorted(parts.items()))),
    }


def _dedented(value: Any) -> Any:
    """The same with descriptions as they read: Python before 3.13 keeps a docstring's indentation."""
    if isinstance(value, list):
        return [_dedented(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inspect.cleandoc(one) if key == "description" and isinstance(one, str) else _dedented(one)
        for key, one in value.items()
    }


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(schema())).decode() + "\n")
