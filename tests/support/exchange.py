"""A fork with an upstream in one repository, for the tests of what goes to and fro between them.

``main`` is upstream, ``fork`` the fork with ``skinny_gemms`` split.
"""

from __future__ import annotations

from mergeguard.fork.fork import Fork
from mergeguard.verbs import splitting
from tests.git.conftest import Sandbox
from tests.support.forks import COMPILE
from tests.support.rules import full_rules

MONOLITH = "csrc/rocm/skinny_gemms.cu"
LAYOUT = "csrc/rocm/skinny_gemms/"
COMMON, KERNEL, BODY = (LAYOUT + name for name in ("common.h", "kernel.cuh", "dispatch.cuh"))


class Pair(Sandbox):
    """The repository, with the moves that the tests share."""

    @classmethod
    def bare(cls, root, *, crlf=False):
        """Upstream, and a fork that has nothing of its own yet."""
        made = cls(root)
        made.git("config", "mergeguard.upstream", "main")
        made.git("config", "core.abbrev", "10")
        upstream = {
            path.relative_to(COMPILE).as_posix(): path.read_bytes()
            for folder in ("csrc", "CMakeLists.txt")
            for path in [COMPILE / folder, *(COMPILE / folder).rglob("*")]
            if path.is_file()
        }
        if crlf:
            upstream = {path: bytes(text).replace(b"\n", b"\r\n") for path, text in upstream.items()}
        made.commit_files({**upstream}, "upstream: first")
        made.git("checkout", "-q", "-b", "fork")
        return made

    @classmethod
    def make(cls, root, names=("skinny_gemms",), *, crlf=False):
        made = cls.bare(root, crlf=crlf)
        for name in names:
            made.write(f".mergeguard/rules/{name}.toml", full_rules()[f"vllm/{name}.toml"])
        done, tree = splitting.split(made.fork, (), None)
        assert len(done) == len(names)
        made.fork.stage(tree, "split")
        made.git("commit", "-q", "-m", "split")
        return made

    @property
    def fork(self) -> Fork:
        return Fork.open(str(self.root))

    def edit(self, path: str, old: str, new: str) -> None:
        text = self.read(path).decode()
        if "\r\n" in text:
            old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
        assert text.count(old) == 1, (path, old, text.count(old))
        self.write(path, text.replace(old, new))

    def change(self, path: str, old: str, new: str, message: str = "change", **variables) -> str:
        """Edit one place of a file and commit it."""
        self.edit(path, old, new)
        self.git("commit", "-q", "-a", "-m", message, **variables)
        return self.git("rev-parse", "HEAD")

    def whole(self, commit: str = "HEAD") -> str:
        """The commit's tree as upstream would have it, without mergeguard's own files."""
        from mergeguard.treemerge.virtual import Wholes

        repository = self.repository
        return Wholes(repository).of_commit(repository.resolve(commit)).tree

    def on_upstream(self):
        """Check upstream out, detached."""
        self.git("checkout", "-q", "--detach", "main")
