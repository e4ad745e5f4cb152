"""Digests are those of ``hashlib``, and taken without loading it."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from mergeguard import digests


@pytest.mark.parametrize("taken", [0, digests._MOST - 64, digests._MOST])
@pytest.mark.parametrize("size", [0, 1, 63, 64, 5_000])
def test_digests_are_those_of_hashlib(monkeypatch, size, taken):
    monkeypatch.setattr(digests, "_taken", taken)
    data = bytes(number * 7 % 251 for number in range(size))
    assert digests.sha1(data) == hashlib.sha1(data, usedforsecurity=False).hexdigest()
    assert digests.digest(data) == hashlib.blake2b(data, digest_size=32).hexdigest()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="CPython has its own")
def test_openssl_is_not_loaded():
    code = (
        "import sys; from mergeguard.digests import digest, sha1; sha1(b''), digest(b''); print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "mergeguard.digests" in ran.stdout.split() and "_hashlib" not in ran.stdout.split()
