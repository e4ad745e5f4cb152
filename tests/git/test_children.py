"""Children: what they read, write, inherit, and how they end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from mergeguard.git.process import Conversation
from mergeguard.git.process import run_child as run

MANY = b"a line\n" * 100_000  # more than a pipe holds


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    before = os.listdir("/dev/fd")
    yield
    assert os.listdir("/dev/fd") == before


def test_it_reads_and_writes_at_the_same_time():
    assert run(["tee", "/dev/stderr"], os.environ, MANY) == (0, MANY, MANY)


def test_it_need_not_read():
    assert run(["true"], os.environ, MANY) == (0, b"", b"")


def test_without_input_it_finds_the_end():
    assert run(["cat"], os.environ) == (0, b"", b"")


def test_it_has_the_environment_that_it_is_given():
    assert run(["sh", "-c", "echo $ONE$HOME; exit 3"], {"ONE": "1"}) == (3, b"1\n", b"")


def test_a_signal_that_ends_it_is_told():
    assert run(["sh", "-c", "kill -TERM $$"], os.environ).code == -signal.SIGTERM


def test_a_broken_pipe_ends_it_though_python_ignores_that():
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    assert run(["sh", "-c", "kill -PIPE $$; echo alive"], os.environ) == (-signal.SIGPIPE, b"", b"")


def test_a_program_that_is_not_there():
    for start in (run, Conversation):
        with pytest.raises(FileNotFoundError):
            start(["no-such-program-as-this"], os.environ)


def test_it_keeps_open_what_it_is_given_and_nothing_else():
    given, kept = os.pipe()
    try:
        for descriptor, code in ((given, 0), (kept, 1)):
            command = [sys.executable, "-S", "-c", f"import os, sys\ntry: os.fstat({descriptor})\n"]
            command[-1] += "except OSError: sys.exit(1)"
            assert run(command, os.environ, inherit=(given,)).code == code
        assert not os.get_inheritable(given)
    finally:
        os.close(given)
        os.close(kept)


def test_nobody_is_left_running_by_who_is_interrupted(monkeypatch):
    started = []
    spawn = os.posix_spawnp

    def interrupted(*arguments: object) -> bytes:
        raise KeyboardInterrupt

    def noted(*arguments, **options):
        started.append(spawn(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(os, "posix_spawnp", noted)
    monkeypatch.setattr(os, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", "echo begun; exec sleep 30"], os.environ)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


def test_a_conversation_answers_until_it_is_ended():
    talk = Conversation(["cat"], os.environ)
    for word in (b"one\n", b"two\n"):
        talk.stdin.write(word)
        talk.stdin.flush()
        assert talk.stdout.readline() == word
    talk.end()
    talk.end()
