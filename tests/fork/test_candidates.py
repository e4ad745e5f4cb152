"""Taking hunks out and putting them elsewhere, over edits of every kind: what else is there stays."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.fork import candidates, patches
from mergeguard.fork.candidates import Desk, MovedText
from mergeguard.fork.report import hunk_ids
from mergeguard.lens.unsplit import unsplit
from tests.support.layouts import Case, apply, edits

NAMES = ("paged_attention_v1", "skinny_gemms", "skinny_gemms_int4", "selective_scan_fwd")


def desk(case, changes):
    layout = case.split(case.text)
    files = apply(layout, changes)
    return Desk(layout, files, unsplit(layout, files, case.split), case.split)


def lines(text):
    return Counter(patches.git_lines(text or b""))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(changes=st.lists(edits, min_size=1, max_size=4))
def test_taking_a_hunk_out_leaves_the_rest(name, changes):
    here = desk(Case(name, None), changes)
    for identity, hunk in hunk_ids(here.before.unmapped).items():
        out = candidates.without(here, identity)
        if out is None:
            continue
        assert list(out) == [hunk.path]
        after = here.unsplit(out)
        assert not candidates.texts(after.unmapped) - (
            candidates.texts(here.before.unmapped) - candidates.texts([hunk])
        )
        assert candidates.texts(after.overlay) == candidates.texts(here.before.overlay)
        patch = patches.unified(hunk.path, out[hunk.path], here.files[hunk.path])
        restored = patches.apply(patches.read(patch), out)
        assert restored == {hunk.path: here.files[hunk.path]}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(changes=st.lists(edits, min_size=1, max_size=3))
def test_a_candidate_place_is_one_where_the_text_is_mapped(name, changes):
    here = desk(Case(name, None), changes)
    for identity, hunk in list(hunk_ids(here.before.unmapped).items())[:2]:
        for place in candidates.candidates(here, identity, limit=2, tries=4):
            assert 0 <= place.similarity <= 1
            out = candidates.without(here, identity)
            assert out is not None
            moved = candidates.put(here, identity, out, place.path, place.line)
            assert isinstance(moved, MovedText)
            added = lines(candidates.added_text(hunk))
            gained = lines(moved.files[place.path]) - lines(out.get(place.path, here.files[place.path]))
            # A last line without an end gets one when it goes elsewhere.
            assert {line.rstrip(b"\n") for line in gained} <= {line.rstrip(b"\n") for line in added}
            assert moved.result.monolith != here.before.monolith


def test_a_helper_goes_beside_what_it_is_like():
    case = Case("skinny_gemms", None)
    layout = case.split(case.text)
    path = layout.shards[1].path
    helper = b"\nstatic int mindiv_twice(int n) { return mindiv(n, 2, 2); }\n"
    files = {f.path: f.text for f in layout.files} | {path: layout.by_path[path].text + helper}
    here = Desk(layout, files, unsplit(layout, files, case.split), case.split)
    (identity,) = hunk_ids(here.before.unmapped)
    (first, *_) = candidates.candidates(here, identity)
    assert (first.item, first.side) == ("mindiv", "after")
    assert candidates.alike(here, identity)[0] == "mindiv"


def test_a_helper_that_others_use_goes_before_them():
    case = Case("skinny_gemms", None)
    layout = case.split(case.text)
    header = next(f for f in layout.files if f.path.endswith("kernel.cuh"))
    path = layout.shards[0].path
    files = {f.path: f.text for f in layout.files}
    at = header.text.index(b"mindiv(int")
    brace = header.text.index(b"{", at) + 1
    files[header.path] = header.text[:brace] + b"\n  fork_probe(1);" + header.text[brace:]
    files[path] += b"\ninline void fork_probe(int n) { (void)n; }\n"
    here = Desk(layout, files, unsplit(layout, files, case.split), case.split)
    (identity,) = hunk_ids(here.before.unmapped)
    place = next(p for p in candidates.candidates(here, identity, limit=8, tries=30) if p.item == "mindiv")
    assert place.side == "before"
