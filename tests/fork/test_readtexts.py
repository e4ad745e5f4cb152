"""A text is read the same with what another process has read of one like it."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp import beginnings, lexer, source
from mergeguard.cpp.source import READ
from mergeguard.fork import readtexts
from mergeguard.fork.readtexts import ReadTexts, retell, told
from tests.cpp.test_resuming import FEW, ITEMS, MANY, alone, facts, forget, inside
from tests.support.layouts import Case

__all__ = ["alone"]
parse = inspect.unwrap(source._parse)


def read_by_another(text: bytes, calls_end: bool) -> None:
    """As if another process had read a text, and told this one."""
    forget()
    made, _ = parse(text, calls_end)
    inside(made, made.items)
    written = readtexts._written(told(*made.derived[READ,]))
    forget()
    retell(readtexts._read(written))


@given(st.integers(0, len(ITEMS)), FEW, st.sampled_from((0, 1, 7, 400)), st.booleans())
@settings(max_examples=3, deadline=None)
def test_a_text_like_one_that_another_process_read(at, inserted, removed, calls_end):
    text = ITEMS[:at] + inserted + ITEMS[at + removed :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "WORTH_TELLING", 0)
        forget()
        expected = facts(text, calls_end)
        read_by_another(ITEMS, calls_end)
        assert facts(text, calls_end) == expected


@given(MANY, MANY, st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_text_of_pieces_that_another_process_read(pieces, more, calls_end):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "WORTH_TELLING", 0)
        patch.setattr(beginnings, "_SHORTEST", 1)
        patch.setattr(lexer, "_WORTH_CUTTING", 1)
        first, second = b"".join(pieces), b"".join(more + pieces)
        forget()
        expected = facts(second, calls_end)
        read_by_another(first, calls_end)
        assert facts(second, calls_end) == expected


def test_what_another_process_read_is_not_read_again(monkeypatch):
    monkeypatch.setattr(source, "WORTH_TELLING", 0)
    read_by_another(ITEMS, True)
    made_now: list[int] = []
    make = source._SourceBuilder.item

    def counting(self, part, start, end):
        made_now.append(part.first)
        return make(self, part, start, end)

    monkeypatch.setattr(source._SourceBuilder, "item", counting)
    made, _ = parse(ITEMS.replace(b"int f7(int x)", b"long f7(int x)"), True)
    assert 0 < len(made_now) < len(made.items) / 4


PAGED = Case("paged_attention_v1", None)


@pytest.mark.parametrize("damage", ["", "cut off", "another byte"])
def test_a_layout_is_the_same_whatever_is_kept(damage, tmp_path, monkeypatch):
    monkeypatch.setattr(readtexts, "WORTH_TELLING", 0)
    monkeypatch.setattr(source, "WORTH_TELLING", 0)
    text = PAGED.text + b"// that no other test has read: %s\n" % damage.encode()
    with ReadTexts(tmp_path).reading(PAGED.path, text):
        PAGED.split(text)
    (kept,) = (tmp_path / "read").iterdir()
    data = kept.read_bytes()
    kept.write_bytes({"": data, "cut off": data[:-1], "another byte": b"x" + data[1:]}[damage])
    edited = text.replace(b"return", b"return  ", 1)
    expected = PAGED.split(edited)
    forget()
    with ReadTexts(tmp_path).reading(PAGED.path, edited):
        assert PAGED.split(edited) == expected


def test_what_is_mostly_known_is_not_kept_again(tmp_path, monkeypatch):
    monkeypatch.setattr(readtexts, "WORTH_TELLING", 0)
    monkeypatch.setattr(source, "WORTH_TELLING", 0)
    texts = ReadTexts(tmp_path)
    written: list[object] = []
    monkeypatch.setattr(texts._shelf, "put", lambda key, value: written.append(key))
    for text in (
        ITEMS,
        ITEMS.replace(b"int f7(", b"long f7("),
        b"int a;\n" + ITEMS.replace(b"int x", b"int y"),
    ):
        with texts.reading("a.cu", text):
            source.parse(text)
    assert len(written) == 2
