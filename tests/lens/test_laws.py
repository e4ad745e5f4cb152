"""The laws of the lens; see docs/lens.md on layouts of all six rules, edited at random.

pytest tests/lens/test_laws.py                                  about 2,400 examples
pytest tests/lens/test_laws.py --hypothesis-profile=long        5,000 examples a law and monolith
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import Phase, event, example, given, settings
from hypothesis import strategies as st

from mergeguard.errors import MergeguardError
from mergeguard.lens import glue
from mergeguard.lens.hunks import Hunk, Reason, Unsplit
from mergeguard.lens.layout import Layout, LayoutFile, Piece, Role
from mergeguard.lens.overlay import recompose
from mergeguard.lens.unsplit import unsplit
from mergeguard.merge import merge
from tests.support import layouts
from tests.support.layouts import Case

FIXTURES = [
    Case(name, None)
    for name in (
        "skinny_gemms",
        "skinny_gemms_int4",
        "skinny_gemms_int8",
        "attention",
        "paged_attention_v1",
        "selective_scan_fwd",
    )
]
FIXTURES += [Case("skinny_gemms_int4", layouts.FORK), Case("skinny_gemms_int4", layouts.FORK, "thin")]
FIXTURES += [Case("skinny_gemms", None, "thin"), Case("skinny_gemms_int8", None, "thin")]
RELEASES = [
    Case("paged_attention_v1", "0.9.0"),
    Case("paged_attention_v1", "0.24.0"),
    Case("selective_scan_fwd", "0.6.4"),
    Case("selective_scan_fwd", "0.33.0"),
    Case("skinny_gemms_int4", "0.26.0"),
    Case("skinny_gemms_int4", "0.33.0"),
    Case("skinny_gemms", "0.9.0"),
    Case("skinny_gemms", "0.33.0"),
    Case("attention", "0.6.4"),
    Case("attention", "0.32.0"),
]
# Examples are a handful of edits as they are: shrinking them would only make a red run long.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
# Splitting the largest takes thirty times as long as splitting the smallest.
_SMALL = {"paged_attention_v1": 4, "selective_scan_fwd": 2, "skinny_gemms_int4": 2}


def examples(case: Case) -> int:
    """How many examples a law gets in an ordinary run; the profile's number if that is larger."""
    share = 150 if case.release is None else 40 * _SMALL.get(case.name, 1)
    configured = settings.get_profile(settings.get_current_profile_name()).max_examples
    return configured if configured > 1000 else share


def cases(*groups: list[Case]) -> pytest.MarkDecorator:
    every = [case for group in groups for case in group]
    return pytest.mark.parametrize("case", every, ids=str)


@cases(FIXTURES, RELEASES)
@pytest.mark.parametrize("form", layouts.FORMS)
def test_unsplit_of_split_is_the_monolith(case, form):
    text = layouts.FORMS[form](case.text)
    pristine = case.split(text)
    unedited = unsplit(pristine, {f.path: f.text for f in pristine.files}, case.split)
    assert unedited.monolith == text
    assert not unedited.hunks and not unedited.edits
    assert (
        b"".join(
            piece.text
            for piece in sorted(
                (p for f in pristine.files for p in f.pieces if p.source is not None),
                key=lambda p: p.source or 0,
            )
        )
        == text
    )


@cases(FIXTURES, RELEASES)
def test_nothing_the_user_typed_is_lost(case):
    @settings(max_examples=examples(case), phases=PHASES)
    @given(
        st.sampled_from(list(layouts.FORMS)),
        st.lists(layouts.edits, min_size=1, max_size=4),
    )
    def law(form, changes):
        pristine = case.split(layouts.FORMS[form](case.text))
        check_edited(case, pristine, layouts.apply(pristine, changes))

    law()


def check_edited(case: Case, pristine: Layout, files: Mapping[str, bytes | None]) -> Unsplit:
    """Law 2, for one edited layout."""
    result = unsplit(pristine, files, case.split)
    # The monolith is upstream's with the edits, and its layout is what a split makes of it.
    assert result.monolith == _with_edits(pristine.monolith, result)
    assert [(f.path, f.pieces) for f in case.split(result.monolith).files] == [
        (f.path, f.pieces) for f in result.layout.files
    ]
    # What is not in the monolith is reported, and nothing else is.
    for file in pristine.files:
        mine = [h for h in result.hunks if h.path == file.path]
        _check_reported(file.text, files[file.path], result.kept[file.path], mine)
    # Put together again, every file is as the user left it, but for glue that had to follow.
    again = recompose(result, files, result.layout, merge)
    derived = {f.path: f.text for f in result.layout.files}
    for path, now in files.items():
        if now is None:
            assert path not in again.files
        elif derived.get(path) == result.kept[path]:
            assert again.files[path] == now, path
        elif now == result.kept[path]:
            assert again.files.get(path) == derived.get(path)
    shown = [*again.files.values(), *(r.render("theirs") for r in again.conflicts.values())]
    _check_typed_text(pristine, files, shown)
    if again.conflicts:
        event("conflict")  # between the user's glue and glue that follows the user's edit: for the user
        return result
    # And it means the same monolith the next time.
    now_removed: dict[str, bytes | None] = dict.fromkeys(again.removed)
    follow = unsplit(pristine, {**again.files, **now_removed}, case.split)
    if len(_waiting(follow)) < len(_waiting(result)):
        # Glue that has followed gave a place to what waited for one; what had a place keeps it.
        assert all(edit.text in follow.monolith for edit in result.edits)
    else:
        assert follow.monolith == result.monolith
    event(f"{min(len(result.hunks), 3)} hunks, {min(len(result.edits), 3)} edits")
    return result


def _waiting(result: Unsplit) -> list[Hunk]:
    """The unmapped hunks: those that are no edit of glue."""
    return [hunk for hunk in result.hunks if hunk.reason is not Reason.GLUE]


def _with_edits(text: bytes, result: Unsplit) -> bytes:
    out, at = b"", 0
    for edit in result.edits:
        out += text[at : edit.start] + edit.text
        at = max(at, edit.end)
    return out + text[at:]


def _check_reported(pristine: bytes, now: bytes | None, kept: bytes, hunks: list[Hunk]) -> None:
    """Outside the hunks, the user's file is what was taken into the monolith."""
    if now is None:
        # Never taken for the removal of all that it holds.
        assert [(h.old, h.new) for h in hunks] == [(pristine, b"")] and kept == pristine
        return
    if not hunks:
        assert now == kept
        return

    at = 0
    for hunk in sorted(hunks, key=lambda h: h.line):
        start = _offset(now, hunk.line)
        assert now.startswith(hunk.new, start), hunk
        assert pristine.startswith(hunk.old, _offset(pristine, hunk.old_line)), hunk
        between = now[at : max(at, start)]
        assert between in kept
        kept = kept[kept.index(between) + len(between) :]
        at = max(at, start + len(hunk.new))
    assert kept.endswith(now[at:])


def _offset(text: bytes, line: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = text.index(b"\n", at) + 1
    return at


def _check_typed_text(pristine: Layout, before: Mapping[str, bytes | None], after: Iterable[bytes]) -> None:
    """Every line that the user added is still somewhere in the layout (an include's path may be re-based)."""
    old = _lines(f.text for f in pristine.files)
    typed = _lines(text for text in before.values() if text) - old
    shown = list(after)
    without = [b"".join(part for part, own in glue.parts(text, b"") if own) for text in shown]
    # Glue may stand within what was typed.
    assert not typed - (_lines(shown) | _lines(without))


def _lines(texts: Iterable[bytes]) -> Counter[bytes]:
    lines = (b"".join(line.split()) for text in texts for line in text.split(b"\n"))
    return Counter(line.replace(b"../", b"") if line.startswith(b"#include") else line for line in lines)


def test_layouts_do_not_depend_on_the_process():
    program = (
        "import hashlib\n"
        "from tests.lens.test_laws import FIXTURES\n"
        "for case in FIXTURES:\n"
        "    for file in case.split(case.text).files:\n"
        "        print(file.path, hashlib.sha256(file.text).hexdigest())\n"
    )
    outputs = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=layouts.ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(layouts.ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert outputs.pop().count("\n") == sum(len(case.split(case.text).files) for case in FIXTURES)


@cases(FIXTURES, RELEASES)
def test_any_bytes_split_or_are_refused(case):
    @settings(max_examples=max(20, examples(case) // 4), phases=PHASES)
    @given(st.lists(layouts.edits, min_size=1, max_size=3))
    def law(changes):
        whole = Layout(case.path, case.text, (_as_file(case.path, case.text),))
        text = layouts.apply(whole, changes)[case.path]
        if text is None:
            return
        try:
            layout = case.split(text)
        except MergeguardError:
            event("refused")
            return
        event("split")
        unedited = unsplit(layout, {f.path: f.text for f in layout.files}, case.split)
        assert unedited.monolith == text and not unedited.hunks

    law()


# Of paged_attention_v1: a macro is removed from one file, beside another that begins as it does. The removal
# does not hold and the layout still has the macro, so that it waits for a person.
UNREADABLE_REMOVAL = [
    layouts.Edit(
        operation="replace",
        file=0,
        at=222,
        length=1,
        to=2337,
        border=False,
        payload=b"      case 6:\n        WVSPLIT_TILE(sYT, 6)\n        break;\n",
    ),
    layouts.Edit(
        operation="insert", file=10, at=1290, length=0, to=686, border=False, payload=b"`\x0b\xc4\xb6"
    ),
]


@cases(FIXTURES, RELEASES)
def test_the_layout_of_an_edited_monolith_is_read_back(case):
    """If the files are the layout of some monolith, they are read as that, or as one with the same layout.

    Between two items of one file the monolith may have items of others: an insertion there has several
    places, and the layout is the same for each.
    """
    pristine = case.split(case.text)
    whole = Layout(case.path, case.text, (_as_file(case.path, case.text),))

    @settings(max_examples=max(15, examples(case) // 6), phases=PHASES)
    @given(st.lists(layouts.edits, min_size=1, max_size=2))
    @example(UNREADABLE_REMOVAL)
    def law(changes):
        text = layouts.apply(whole, changes)[case.path]
        try:
            wanted = case.split(text or b"")
        except MergeguardError:
            event("refused")
            return
        files = {f.path: f.text for f in wanted.files}
        if files.keys() != {f.path for f in pristine.files}:
            event("other files")
            return
        result = unsplit(pristine, files, case.split)
        if result.monolith == text:
            event("same monolith")
        elif {f.path: f.text for f in result.layout.files} == files:
            event("same layout")
        else:
            # What could not be traced is told; nothing is read as something else.
            assert result.unmapped or result.overlay
            event("reported")

    law()


def _as_file(path: str, text: bytes) -> LayoutFile:
    return LayoutFile(path, Role.ENTRY, (Piece(text, 0),))
