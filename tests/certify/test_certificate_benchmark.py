"""A slice of ``python -m benchmarks.merge certificate``: what is right is certified, no lie is."""

from __future__ import annotations

from benchmarks.merge.certificate import main


def test_lies_are_refused_and_what_both_orders_give_is_certified(capsys):
    assert main(["--pairs", "8", "--each", "1", "--seed", "3"]) == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[1:]}
    certified, refused = map(int, rows["right"])
    assert certified > 2 and refused == 0
    assert int(rows["dropped"][0]) == 0 < int(rows["dropped"][1])
