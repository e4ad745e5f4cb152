"""The end of a test run says what would run what was left out."""

from __future__ import annotations

from tests.support.skips import left_out


def test_reasons_are_counted_by_what_would_run_them() -> None:
    reasons = [
        "Skipped: g++ is not installed",
        "needs g++",
        "Skipped: only with --all-faults",
        "Skipped: odd",
    ]
    assert [" ".join(line.split()) for line in left_out(reasons)] == [
        "2 install a C++ compiler (Debian: apt-get install g++)",
        "1 nothing: odd",
        "1 python3 run.py test --all-faults (long: a kill at every step)",
    ]
