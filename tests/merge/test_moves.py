"""Which files are read to find where an edited declaration has gone."""

from __future__ import annotations

from mergeguard.cpp.leaves import leaves_of
from mergeguard.merge.moved.movedvalues import File
from mergeguard.merge.moved.moves import find_changes

_HELPER = b"int helper(int x) {\n  int y = x * 3;\n  return y + 1;\n}\n"
_OTHER = b"int other(int x) {\n  return x;\n}\n"


def _files(elsewhere: bytes) -> list[File]:
    """A file of which the mover has lost the helper that the editor edited, and nine that it changed, too."""
    edited = _HELPER.replace(b"+ 1", b"+ 2")
    changed = File("a.cu", "a.cu", _HELPER + _OTHER, edited + _OTHER, _OTHER)
    texts = [b"int f%d() { return %d; }\n" % (n, n) for n in range(9)]
    more = [File(f"{n}.cu", f"{n}.cu", text, text, text + b"// new\n") for n, text in enumerate(texts)]
    return [changed, *more, File("b.cuh", "b.cuh", b"// b\n", b"// b\n", b"// b\n" + elsewhere)]


def test_files_without_what_is_gone_are_not_read() -> None:
    leaves_of.cache_clear()
    assert find_changes(_files(b"int unrelated() { return 0; }\n")) == ([], [], [], [])
    assert leaves_of.cache_info().misses == 3  # the three versions of the file itself


def test_a_declaration_that_moved_is_found() -> None:
    moved, unsure, _, splits = find_changes(_files(_HELPER))
    assert [(move.name, move.home) for move in moved] == [("helper", "b.cuh")]
    assert not unsure
    assert [file.path for file, _ in splits] == ["a.cu"]
