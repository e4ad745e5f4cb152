"""What was made of build lists is told again by their blobs, in another process too."""

from __future__ import annotations

import pytest

from mergeguard.fork.knownlists import KnownLists
from mergeguard.lens import buildlists
from tests.git.conftest import Sandbox

LIST = b"set(SRC\n  src/a.cu\n  src/b.cu)\nadd_library(k ${SRC})\n"
UNITS = [("src/a.cu", ("src/a/one.cu", "src/a/two.cu")), ("src/b.cu", ("src/b/one.cu",))]


@pytest.fixture
def repository(tmp_path):
    return Sandbox(tmp_path / "repo").repository


def test_it_is_what_is_made_of_the_text(repository, tmp_path):
    known = KnownLists(tmp_path)
    oid = repository.write_blob(LIST)
    added = known.adding(repository, "CMakeLists.txt", oid, UNITS)
    assert repository.read_blob(added) == buildlists.add_all("CMakeLists.txt", LIST, UNITS)
    assert known.removing(repository, "CMakeLists.txt", added, UNITS) == oid
    assert known.removing(repository, "CMakeLists.txt", added, UNITS[:1]) not in (oid, added)
    assert known.adding(repository, "CMakeLists.txt", oid, []) == oid
    assert known.lists(repository, "CMakeLists.txt", oid, "src/a.cu")
    assert not known.lists(repository, "CMakeLists.txt", oid, "src/c.cu")


def test_another_process_does_not_read_the_text_again(repository, tmp_path, monkeypatch):
    first = KnownLists(tmp_path)
    oid = repository.write_blob(LIST)
    added = first.adding(repository, "CMakeLists.txt", oid, UNITS)
    first.lists(repository, "CMakeLists.txt", oid, "src/a.cu")
    first.save()
    monkeypatch.setattr(buildlists, "add_all", None)
    monkeypatch.setattr(buildlists, "mentions", None)

    again = KnownLists(tmp_path)

    assert again.adding(repository, "CMakeLists.txt", oid, UNITS) == added
    assert again.lists(repository, "CMakeLists.txt", oid, "src/a.cu")


def test_what_was_pruned_or_cut_off_is_made_again(repository, tmp_path):
    first = KnownLists(tmp_path)
    oid = repository.write_blob(LIST)
    added = first.adding(repository, "CMakeLists.txt", oid, UNITS)
    first.save()
    loose = repository.objects_dir / added[:2] / added[2:]
    loose.unlink()

    assert KnownLists(tmp_path).adding(repository, "CMakeLists.txt", oid, UNITS) == added

    (file,) = (tmp_path / "lists").iterdir()
    file.write_bytes(file.read_bytes()[:-2])
    assert KnownLists(tmp_path).adding(repository, "CMakeLists.txt", oid, UNITS) == added
