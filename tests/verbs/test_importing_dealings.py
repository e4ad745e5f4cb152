"""import: a patch that changes which functions the rule deals lands, and reads back byte for byte."""

from __future__ import annotations

import pytest

from mergeguard.fork.fork import Fork
from mergeguard.verbs import splitting, sync
from mergeguard.verbs.patches import importing
from tests.git.conftest import Sandbox
from tests.lens.test_basis import DEALINGS, TWO, UPSTREAM


@pytest.fixture
def forked(tmp_path):
    made = Sandbox(tmp_path / "repo")
    made.git("config", "mergeguard.upstream", "main")
    made.commit_files({"src/run.cu": UPSTREAM, "CMakeLists.txt": b'set(S "src/run.cu")\n'}, "upstream")
    made.git("checkout", "-q", "-b", "fork")
    made.write(".mergeguard/rules/run.toml", TWO)
    fork = Fork.open(str(made.root))
    fork.stage(splitting.split(fork, (), None)[1], "split")
    made.git("commit", "-q", "-m", "split")
    return made


def landed(made, text):
    """The patch from upstream's file to ``text``, imported and committed."""
    made.git("checkout", "-q", "-b", "own", "main")
    made.write("src/run.cu", text)
    made.git("commit", "-q", "-a", "-m", "own")
    patch = made.git("format-patch", "--stdout", "-1")
    made.git("checkout", "-q", "fork")
    fork = Fork.open(str(made.root))
    mails = [("0", mail) for mail in importing.read(fork, "0", (patch + "\n").encode())]
    importing.stage(fork, importing.apply(fork.staged(), mails))
    made.git("commit", "-q", "-m", "own")
    return Fork.open(str(made.root))


def whole(fork):
    workspace = fork.staged()
    return workspace.unsplit(workspace.rule("run")).monolith


@pytest.mark.parametrize("name", DEALINGS)
def test_it_lands_byte_for_byte(forked, name):
    assert whole(landed(forked, DEALINGS[name])) == DEALINGS[name]


def test_what_is_typed_upstream_and_here_afterwards_is_merged(forked):
    text = DEALINGS["another function"]
    landed(forked, text)
    forked.write("src/run/common.h", forked.read("src/run/common.h").replace(b"int lds) {}", b"int lds) { }"))
    forked.git("commit", "-q", "-a", "-m", "typed")
    forked.git("checkout", "-q", "main")
    forked.write("src/run.cu", UPSTREAM.replace(b'"n = "', b'"n is "'))
    forked.git("commit", "-q", "-a", "-m", "upstream's next")
    forked.git("checkout", "-q", "fork")
    fork = Fork.open(str(forked.root))
    result = sync.sync(fork, "main")
    assert result.outcome.clean and result.commit
    wanted = text.replace(b"int lds) {}", b"int lds) { }").replace(b'"n = "', b'"n is "', 1)
    assert whole(Fork.open(str(forked.root))) == wanted


CALL = b"kernel<T, _N>(ptr, count, lds_size())"


@pytest.mark.parametrize("chosen", ["ours", "theirs"])
def test_glue_that_follows_from_a_conflict_is_none_itself(forked, chosen):
    """Only upstream's line calls the entry's helper: whether the entry offers it is for the resolution."""
    lines = {
        "ours": CALL.replace(b"lds_size()", b"64"),
        "theirs": CALL.replace(b"lds_size()", b"lds_size() + 1"),
    }
    body = "src/run/dispatch.cuh"
    forked.write(body, forked.read(body).replace(CALL, lines["ours"]))
    forked.git("commit", "-q", "-a", "-m", "ours")
    forked.git("checkout", "-q", "main")
    forked.write("src/run.cu", UPSTREAM.replace(CALL, lines["theirs"]))
    forked.git("commit", "-q", "-a", "-m", "theirs")
    forked.git("checkout", "-q", "fork")
    sync.sync(Fork.open(str(forked.root)), "main")
    marked = forked.git("grep", "-l", "<<<<<<<").split()
    assert marked == [body]
    start, rest = forked.read(body).split(b"<<<<<<<", 1)
    line = b"#define LAUNCH(_N) " + lines[chosen] + b"\n"
    forked.write(body, start + line + rest.split(b">>>>>>>", 1)[1].split(b"\n", 1)[1])
    forked.git("add", "-A")
    sync.continue_sync(Fork.open(str(forked.root)), audit=False)
    fork = Fork.open(str(forked.root))
    assert whole(fork) == UPSTREAM.replace(CALL, lines[chosen])
    assert (b"MG_OFFER" in forked.read("src/run.cu")) == (chosen == "theirs")
    workspace = fork.staged()
    lock = workspace.rule("run").lock
    assert lock is not None and not lock.basis
    assert not workspace.unsplit(workspace.rule("run")).hunks
