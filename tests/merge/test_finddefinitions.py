"""Where the definitions of a file went: the quick look at lines and the one at definitions agree."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mergeguard.cpp.leaves import leaves_of
from mergeguard.merge.moved.finddefinitions import Other, Others, whereabouts

KERNEL = b"template <typename T>\n__global__ void scale_kernel(T* out, int n) {\n  out[n] = 2;\n}\n\n"
LAUNCH = b"void launch(float* out, int n) {\n  scale_kernel<float><<<1, n>>>(out, n);\n}\n\n"
TYPE = b"struct Params {\n  int rows;\n};\n\n"
OLD = TYPE + KERNEL + LAUNCH
HEADER = "csrc/kernels.cuh"


def never():
    raise AssertionError("the other files need not be read")


def others(now: bytes, before: bytes | None = None) -> Callable[[], Others]:
    """One header that changed, too."""
    return lambda: {HEADER: Other(now, lambda: before)}


@pytest.mark.parametrize(
    "new",
    [
        OLD.replace(b"out[n] = 2", b"out[n] = 3"),
        OLD.replace(b"int n)", b"int n, int m)"),
        OLD + b"void more() {\n  launch(0, 1);\n}\n",
        LAUNCH + TYPE + KERNEL,
    ],
    ids=["body edited", "parameters edited", "a caller added", "re-ordered"],
)
def test_nothing_is_read_where_no_definition_has_left(new):
    assert whereabouts(OLD, new, never).moved == ()


@pytest.mark.parametrize(("gone", "name"), [(KERNEL, "scale_kernel"), (TYPE, "Params"), (LAUNCH, "launch")])
def test_a_definition_that_left_is_found(gone, name):
    moved = whereabouts(OLD, OLD.replace(gone, b""), others(b"#pragma once\n" + gone)).moved
    assert [(found.name, found.path) for found in moved] == [(name, HEADER)]


def test_no_declarations_are_read_where_no_other_file_has_the_name():
    leaves_of.cache_clear()
    assert whereabouts(OLD, OLD.replace(KERNEL, b""), others(TYPE)).moved == ()
    assert leaves_of.cache_info().misses == 0


def test_a_definition_that_left_for_another_that_came():
    new = OLD.replace(KERNEL, KERNEL.replace(b"scale_kernel", b"bias_kernel"))
    moved = whereabouts(OLD, new, others(KERNEL, b"")).moved
    assert [found.name for found in moved] == ["scale_kernel"]
