"""The gates, asked of a large text around its edits only: a file of that size is merged so (decision 164)."""

from __future__ import annotations

from mergeguard.merge.gates import Fault, faults
from mergeguard.merge.lines import merge_lines, trivial
from mergeguard.merge.neighbourhoods import Versions, neighbourhoods
from mergeguard.merge.result import MergeResult
from mergeguard.values import replace


def faults_around(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> list[Fault]:
    """The faults of a merged text. Of a large one that lines merge those of each stretch in which both sides
    edit, where no edit has to do with one in another stretch; else as ``faults``."""
    stretches = neighbourhoods(base, ours, theirs)
    results = [_by_lines(versions) for versions in stretches or ()]
    texts = [text for text in results if text is not None]
    if stretches is None or len(texts) < len(results) or b"".join(texts) != merged:
        return faults(base, ours, theirs, merged)
    found: list[Fault] = []
    at = 0
    for versions, text in zip(stretches, texts, strict=True):
        if trivial(*versions) is None:  # else it is one side's own
            found += (_further(fault, at) for fault in faults(*versions, text))
        at += len(text)
    return found


def _by_lines(versions: Versions) -> bytes | None:
    """The merge of a stretch by lines; None where it is not clean."""
    settled = trivial(*versions)
    if settled is not None:
        return settled
    lines = MergeResult(merge_lines(*versions))
    return lines.render() if lines.clean else None


def _further(fault: Fault, by: int) -> Fault:
    return replace(fault, places=tuple((start + by, end + by) for start, end in fault.places))
