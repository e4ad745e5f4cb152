"""git's two line merges of one file, and the smaller of them."""

from __future__ import annotations

from mergeguard.git.linemerge import least_conflict_of, merge_as_git_merge, merge_bytes_with_git
from mergeguard.hooks.mergefile import main
from mergeguard.merge.markers import size_of_conflicts

# Myers' differences pair a brace with the wrong one here.
BASE = "c } { } } { d c . . b b"
OURS = "c } { d } { d . . b b"
THEIRS = "c b { } d c . . b b"


def _text(words: str) -> bytes:
    return b"".join(b"\n" if w == "." else b"  %s(x);\n" % w.encode() for w in words.split())


VERSIONS = (_text(BASE), _text(OURS), _text(THEIRS))


def test_the_smaller_one(tmp_path):
    myers, histogram = merge_bytes_with_git(*VERSIONS, tmp_path), merge_as_git_merge(*VERSIONS, tmp_path)
    assert myers.pieces is not None and histogram.pieces is not None
    assert size_of_conflicts(histogram.pieces) < size_of_conflicts(myers.pieces)
    assert least_conflict_of(*VERSIONS, tmp_path).pieces == histogram.pieces


def test_merge_file_shows_no_more_than_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("base.cu", "ours.cu", "theirs.cu")
    for name, text in zip(names, VERSIONS, strict=True):
        (tmp_path / name).write_bytes(text)
    shown = least_conflict_of(*VERSIONS, tmp_path)
    assert main(["merge-file", "-q", "ours.cu", "base.cu", "theirs.cu"]) > 0
    inside = (tmp_path / "ours.cu").read_bytes().split(b"<<<<<<<", 1)[1].split(b">>>>>>>")[0]
    assert shown.pieces is not None
    assert inside.count(b"\n") - 2 <= size_of_conflicts(shown.pieces)[0]
