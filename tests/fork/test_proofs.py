"""A proof is asked for once: of other texts, of another code or of a damaged one it is found again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mergeguard.fork import layoutcache, proofs
from mergeguard.fork.layoutcache import LayoutCache
from mergeguard.fork.proofs import NewProof, Proofs
from mergeguard.fork.splitting import Splitting
from mergeguard.verify import same_program
from mergeguard.verify.bystanders import SplitTexts
from mergeguard.verify.flatten import LayoutText
from tests.support.layouts import Case, shipped_rule

PAGED = Case("paged_attention_v1", None)
LAYOUT = PAGED.split(PAGED.text)


def texts(old: bytes = b"", new: bytes = b"") -> list[LayoutText]:
    return [LayoutText(file.path, file.text.replace(old, new), file.is_unit) for file in LAYOUT.files]


SOUND = texts()
FAULTY = texts(b"#define MAX(", b"#define MIN_(")


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """How many files each proof that was made was about."""
    made: list[int] = []
    proof = same_program.proof

    def counting(path: str, monolith: bytes, files: list[LayoutText]) -> object:
        made.append(len(files))
        return proof(path, monolith, files)

    monkeypatch.setattr("mergeguard.fork.proofs.same_program.proof", counting)
    return made


@pytest.mark.parametrize("files", [SOUND, FAULTY], ids=["sound", "faulty"])
def test_a_kept_proof_is_the_proof(files, tmp_path, asked):
    first = Proofs(tmp_path).of(PAGED.path, PAGED.text, files)
    assert Proofs(tmp_path).of(PAGED.path, PAGED.text, files) == first
    assert len(asked) == 1
    assert bool(same_program.failures(first)) == (files is FAULTY)


def test_other_texts_and_another_code_are_proved_themselves(tmp_path, asked, monkeypatch):
    kept = Proofs(tmp_path)
    kept.of(PAGED.path, PAGED.text, SOUND)
    kept.of(PAGED.path, PAGED.text, FAULTY)
    kept.of(PAGED.path, PAGED.text + b"\n", SOUND)
    kept.of(PAGED.path, PAGED.text, [replace(SOUND[0], is_unit=not SOUND[0].is_unit), *SOUND[1:]])
    assert len(asked) == 4
    monkeypatch.setattr(proofs, "code", lambda: "another")
    kept.of(PAGED.path, PAGED.text, SOUND)
    assert len(asked) == 5


def test_a_damaged_proof_is_made_again(tmp_path, asked):
    first = Proofs(tmp_path).of(PAGED.path, PAGED.text, FAULTY)
    (kept,) = (tmp_path / "proofs").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    assert Proofs(tmp_path).of(PAGED.path, PAGED.text, FAULTY) == first
    assert len(asked) == 2


def test_a_layout_of_another_code_is_split_afresh(tmp_path, monkeypatch):
    rule = shipped_rule("paged_attention_v1")
    arguments = ("paged", lambda: rule, "1" * 40, PAGED.path, PAGED.text, 1)
    Splitting(LayoutCache(tmp_path)).split(*arguments)
    same = Splitting(LayoutCache(tmp_path))
    assert same.afresh(*arguments) is not same.split(*arguments)  # not asked for yet: by this process
    assert same.afresh(*arguments) is same.split(*arguments)  # that this code derived
    monkeypatch.setattr(layoutcache, "code", lambda: "another")
    other = Splitting(LayoutCache(tmp_path))
    kept = other.split(*arguments)
    assert other.afresh(*arguments) is not kept
    assert other.afresh(*arguments) == kept


CROWD = b"".join(b"void crowd%d(int n) {\n  int i = n * %d;\n}\n\n" % (n, n) for n in range(500))


def crowded(old: bytes = b"", new: bytes = b"") -> SplitTexts:
    """The layout with many functions at the end of the entry, one of them another, and a fault."""
    files = [
        LayoutText(one.path, one.text + CROWD * (one.path == PAGED.path), one.is_unit)
        for one in texts(old, new)
    ]
    return SplitTexts(PAGED.text + CROWD, files)


def test_what_an_edit_has_nothing_to_do_with_is_not_proved(tmp_path, asked):
    before = crowded()
    edited = SplitTexts(
        before.monolith.replace(b"n * 7;", b"n + 7;"),
        [replace(one, text=one.text.replace(b"n * 7;", b"n + 7;")) for one in before.files],
    )
    new = NewProof(Proofs(tmp_path), lambda: before)
    assert new.of(PAGED.path, *edited) == () and not new.is_whole
    assert Proofs(tmp_path).known(PAGED.path, *edited) is None


@pytest.mark.parametrize("before", [crowded(), None], ids=["found", "nothing to compare with"])
def test_what_is_new_is_found_in_the_whole(before, tmp_path, asked):
    faulty = crowded(b"#define MAX(", b"#define MIN_(")
    new = NewProof(Proofs(tmp_path), lambda: before)
    found = new.of(PAGED.path, *faulty)
    assert same_program.failures(found) and new.is_whole
    assert found == Proofs(tmp_path).of(PAGED.path, *faulty)
