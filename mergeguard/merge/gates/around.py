"""The gates, asked of a large text around its edits only: a file of that size is merged so (decision 164)."""

from __future__ import annotations

from mergeguard.merge.gates import Fault, faults
from mergeguard.merge.lines import trivial
from mergeguard.merge.neighbourhoods import cut_alike, neighbourhoods


def faults_around(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> list[Fault]:
    """As ``faults``. Of a large text only the stretches are read that are more than one side's own, where no
    edit, nor what is in the result alone, has to do with one in another stretch. If one has a fault, the
    whole is read after all: what is odd in a stretch may be usual elsewhere in the file.
    """
    stretches = neighbourhoods(base, ours, theirs)
    texts = cut_alike(stretches, merged) if stretches is not None else None
    if stretches is not None and texts is not None:
        both = zip(stretches, texts, strict=True)
        if not any(text != trivial(*versions) and faults(*versions, text) for versions, text in both):
            return []
    return faults(base, ours, theirs, merged)
