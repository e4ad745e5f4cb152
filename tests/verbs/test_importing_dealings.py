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
