"""Code that one side edited and the other copied: the copy is without the edit."""

from __future__ import annotations

from mergeguard.merge.result import Note

_COPIED_KINDS = ("function", "kernel", "declaration")
_COPY, _ALIKE = 16, 0.8  # how many tokens a copy has at least, and how like its original it is


def copied(base: bytes, ours: bytes, theirs: bytes) -> list[Note]:
    """Findings: a declaration that one side edited and of which the other made a copy, without the edit."""
    from mergeguard.cpp.leaves import leaves_of, match, similarity

    old, *sides = (leaves_of(text)[0] for text in (base, ours, theirs))
    pairs = [match(old, side) for side in sides]
    notes: list[Note] = []
    for who, editor, copier in (("our", 0, 1), ("their", 1, 0)):
        new = [
            leaf
            for j, leaf in enumerate(sides[copier])
            if j not in pairs[copier] and leaf.kind in _COPIED_KINDS and len(leaf.code) >= _COPY
        ]
        if not new:
            continue
        for j, i in pairs[editor].items():
            edited = old[i]
            if edited.kind not in _COPIED_KINDS or edited.code == sides[editor][j].code:
                continue
            copies = sorted({x.name for x in new if similarity(edited.code, x.code) >= _ALIKE})
            if copies:
                message = (
                    f"{edited.name} is edited on {who} side, and the other side brings {', '.join(copies)},"
                    " which is much like it: the edit is not there"
                )
                notes.append(Note("copied-code", message, True))
    return notes
