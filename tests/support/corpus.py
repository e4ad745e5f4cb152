"""The real input of the tests: vLLM's released sources, by version.

vLLM's source distributions are taken from PyPI, through pip's own index finder and session (so every setting
of pip counts: index, mirrors, proxies, certificates). Nothing is built or installed. Of each release only
``csrc/`` and ``CMakeLists.txt`` (the oldest have none) are kept, in ``$MERGEGUARD_CORPUS``, by default
``${XDG_CACHE_HOME:-~/.cache}/mergeguard/vllm/<version>/``, never in the checkout.

    python -m tests.corpus                 fetch the releases that the ordinary tests use
    python -m tests.corpus all | VERSION   fetch all releases | the named ones
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Any, NoReturn

import pytest

from tests.support.hermetic import git_environment

# Releases with a source distribution that hold the files mergeguard ships rules for, oldest first.
RELEASES = tuple(
    """
    0.3.0 0.3.1 0.3.3 0.4.1 0.4.2 0.4.3 0.5.0 0.5.0.post1 0.5.1 0.5.2 0.5.3 0.5.3.post1 0.5.4 0.5.5
    0.6.0 0.6.1 0.6.1.post1 0.6.1.post2 0.6.2 0.6.3 0.6.3.post1 0.6.4 0.6.4.post1 0.6.5 0.6.6 0.6.6.post1
    0.7.0 0.7.1 0.7.2 0.7.3 0.8.0 0.8.1 0.8.2 0.8.3 0.8.4 0.8.5 0.8.5.post1 0.9.0 0.9.0.1 0.9.1 0.9.2
    0.10.0 0.10.1 0.10.1.1 0.10.2 0.11.0 0.11.1 0.11.2 0.12.0 0.13.0 0.14.0 0.14.1 0.16.0 0.17.0 0.17.1
    0.18.0 0.18.1 0.19.0 0.19.1 0.20.0 0.20.1 0.20.2 0.21.0 0.22.0 0.22.1 0.23.0 0.24.0 0.25.0 0.25.1 0.26.0
    0.27.0 0.27.1 0.28.0 0.29.0 0.30.0 0.31.0 0.32.0 0.33.0
    """.split()
)

CI_VERSIONS = tuple(
    "0.6.4 0.8.5 0.9.0 0.11.0 0.16.0 0.17.0 0.22.0 0.24.0 0.26.0 0.30.0 0.32.0 0.33.0".split()
)

# Where each monolith stands, newest path last. skinny_gemms_int8.cu was never released: see fixtures/int8.
MONOLITHS: dict[str, tuple[str, ...]] = {
    "skinny_gemms": ("csrc/rocm/skinny_gemms.cu",),
    "skinny_gemms_int4": ("csrc/rocm/skinny_gemms_int4.cu",),
    "skinny_gemms_int8": ("csrc/rocm/skinny_gemms_int8.cu",),
    "attention": ("csrc/rocm/attention.cu",),
    "paged_attention_v1": (
        "csrc/attention/paged_attention_v1.cu",
        "csrc/libtorch_stable/attention/paged_attention_v1.cu",
    ),
    "selective_scan_fwd": (
        "csrc/mamba/mamba_ssm/selective_scan_fwd.cu",
        "csrc/libtorch_stable/mamba/selective_scan_fwd.cu",
        "csrc/mamba/selective_scan_fwd.cu",
    ),
}

# (path, first release, last release) with that path, without gaps. Kept here so that tests can be told apart
# by release before anything is fetched; tests/test_corpus.py holds it against the real files.
_SPANS = (
    ("skinny_gemms", 0, "0.8.5", "0.33.0"),
    ("skinny_gemms_int4", 0, "0.26.0", "0.33.0"),
    ("attention", 0, "0.6.2", "0.32.0"),
    ("paged_attention_v1", 0, "0.6.4", "0.22.1"),
    ("paged_attention_v1", 1, "0.23.0", "0.24.0"),
    ("selective_scan_fwd", 0, "0.6.0", "0.22.1"),
    ("selective_scan_fwd", 1, "0.23.0", "0.31.0"),
    ("selective_scan_fwd", 2, "0.32.0", "0.33.0"),
)

_ATTEMPTS = 3


Keep = Callable[[PurePosixPath], bool]


class CorpusError(Exception):
    """A release can't be had: no network, not in the index, or damaged on the way."""


def all_versions() -> tuple[str, ...]:
    """Every release of the corpus, oldest first."""
    return RELEASES


def releases_with(name: str, versions: Iterable[str] | None = None) -> tuple[tuple[str, str], ...]:
    """The (version, path) pairs in which the monolith ``name`` exists, oldest first (of ``versions``)."""
    if name not in MONOLITHS:
        raise KeyError(name)
    wanted = set(RELEASES if versions is None else versions)
    order = {version: place for place, version in enumerate(RELEASES)}
    found = [
        (version, MONOLITHS[name][path])
        for monolith, path, first, last in _SPANS
        if monolith == name
        for version in RELEASES[order[first] : order[last] + 1]
        if version in wanted
    ]
    return tuple(found)


def cache_directory() -> Path:
    """The folder that holds one folder per release."""
    if chosen := os.environ.get("MERGEGUARD_CORPUS"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mergeguard" / "vllm"


def path(version: str) -> Path:
    """The folder of a release, fetched if need be. Raises CorpusError."""
    if version not in RELEASES:
        raise CorpusError(f"vLLM {version} is not one of the corpus's releases")
    folder = cache_directory() / version
    if not folder.is_dir():
        fetch("vllm", version, folder, lambda p: p.parts[0] == "csrc" or p.parts == ("CMakeLists.txt",))
    return folder


def require(version: str) -> Path:
    """``path(version)`` for tests: skips the test where the release can't be had.

    With MERGEGUARD_REQUIRE_ALL set (CI) that is a failure instead: skipped tests prove nothing.
    """
    reason = _failure(version)
    if reason is not None:
        _unavailable(f"vLLM {version} is not cached and can't be fetched: {reason}")
    return path(version)


def file(version: str, name: str) -> bytes:
    """The bytes of a file of a release, ``name`` relative to its root; KeyError if it has none such."""
    place = require(version) / name
    if not place.is_file():
        raise KeyError(f"{name} in vLLM {version}")
    return place.read_bytes()


def repository(
    versions: Sequence[str],
    dest: Path,
    *,
    bare: bool = False,
    also: Mapping[str, bytes] | None = None,
) -> Path:
    """Make a git repository at ``dest``: branch main, one commit and one tag ``v<version>`` per release.

    Each commit holds exactly ``csrc/`` and ``CMakeLists.txt`` of its release. Identity and dates are
    fixed, so the same versions give the same commit ids. Without ``bare``, the newest is checked out.
    ``also`` are files that every commit has besides.
    """
    folders = [(version, require(version)) for version in versions]
    dest.mkdir(parents=True, exist_ok=True)
    git = ["git", "-C", str(dest)]
    env = git_environment()
    init = [*git, "init", "--quiet", "--initial-branch=main", *(["--bare"] if bare else [])]
    subprocess.run(init, env=env, check=True)
    importer = subprocess.Popen([*git, "fast-import", "--quiet"], env=env, stdin=subprocess.PIPE)
    assert importer.stdin is not None
    with importer.stdin as stream:
        marks: dict[bytes, int] = {}
        for place, (version, folder) in enumerate(folders):
            date = 1_700_000_000 + place * 86_400
            _write_commit(stream, version, folder, date=date, marks=marks, also=also or {})
        stream.write(b"done\n")
    if importer.wait():
        raise CorpusError(f"git fast-import failed with status {importer.returncode}")
    if not bare and folders:
        subprocess.run([*git, "reset", "--quiet", "--hard", "main"], env=env, check=True)
    return dest


def _write_commit(
    stream: IO[bytes],
    version: str,
    folder: Path,
    *,
    date: int,
    marks: dict[bytes, int],
    also: Mapping[str, bytes],
) -> None:
    """Write one release to git fast-import; ``marks`` remembers the contents already sent, by digest."""
    entries = []
    files = {entry.relative_to(folder).as_posix(): entry for entry in folder.rglob("*") if entry.is_file()}
    for name in sorted({*files, *also}):
        data = also[name] if name in also else files[name].read_bytes()
        digest = hashlib.sha256(data).digest()
        if digest not in marks:
            marks[digest] = len(marks) + 1
            stream.write(b"blob\nmark :%d\ndata %d\n%b\n" % (marks[digest], len(data), data))
        entries.append((marks[digest], name))
    who = f"vLLM <vllm@example.org> {date} +0000"
    message = f"vLLM {version}\n".encode()
    stream.write(f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode())
    stream.write(message)
    stream.write(b"deleteall\n")
    for mark, name in entries:
        stream.write(f"M 100644 :{mark} {name}\n".encode())
    stream.write(f"\nreset refs/tags/v{version}\nfrom refs/heads/main\n\n".encode())


@cache
def _failure(version: str) -> str | None:
    """Why a release can't be had, None if it can; asked once a run: being offline costs one wait."""
    try:
        path(version)
    except CorpusError as error:
        return str(error)
    return None


def _unavailable(reason: str) -> NoReturn:
    if os.environ.get("MERGEGUARD_REQUIRE_ALL"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def fetch(project: str, version: str, folder: Path, keep: Keep) -> None:
    """Fetch a release of any project into ``folder``: what ``keep`` likes of its source distribution.

    The folder appears only when all is there and its digest is right. Raises CorpusError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.parent / f".{version}.lock"):
        if folder.is_dir():  # another test process was faster
            return
        for attempt in range(_ATTEMPTS):
            scratch = Path(tempfile.mkdtemp(prefix=f".{version}.", dir=folder.parent))
            try:
                _download(project, version, scratch, keep)
                scratch.chmod(0o755)
                scratch.rename(folder)
                return
            except Exception as error:  # pip's session raises many kinds; each means "can't be had"
                if attempt == _ATTEMPTS - 1 or isinstance(error, CorpusError):
                    raise CorpusError(f"{type(error).__name__}: {error}") from error
                time.sleep(2 * (attempt + 1))
            finally:
                shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _lock(name: Path) -> Iterator[None]:
    with name.open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _download(project: str, version: str, folder: Path, keep: Keep) -> None:
    """Stream the source distribution of ``version`` and keep what is wanted in ``folder``."""
    name = f"{project} {version}"
    with _pip(project) as (session, finder):
        found = [
            candidate.link
            for candidate in finder.find_all_candidates(project)
            if str(candidate.version) == version and not candidate.link.is_wheel
        ]
        if not found:
            raise CorpusError(f"the package index has no source distribution of {name}")
        link = found[0]
        with session.get(link.url_without_fragment, stream=True, timeout=180) as response:
            response.raise_for_status()
            # gzip is the file's own format here, not a transfer encoding: raw bytes are what was digested.
            body = _Digesting(response.raw)
            _extract(body, folder, keep)
    if link.hash_name != "sha256":
        raise CorpusError(f"the package index gives no SHA-256 for {name}")
    if body.digest() != link.hash:
        raise OSError(f"{name} was damaged on the way: SHA-256 {body.digest()}, not {link.hash}")


def source_releases(project: str) -> tuple[str, ...]:
    """Every release of a project that the package index has as a source distribution, oldest first."""
    with _pip(project) as (_, finder):
        found = [c for c in finder.find_all_candidates(project) if not c.link.is_wheel]
    return tuple(dict.fromkeys(str(c.version) for c in sorted(found, key=lambda c: c.version)))


@contextmanager
def _pip(project: str) -> Iterator[tuple[Any, Any]]:
    """pip's HTTP session and source-distribution finder, configured as ``pip download`` would be."""
    from pip._internal.commands import create_command

    command: Any = create_command("download")
    options, _ = command.parse_args(["--quiet", "--no-binary", project, "--ignore-requires-python", project])
    with command.main_context():
        session = command.get_default_session(options)
        yield (
            session,
            command._build_package_finder(options=options, session=session, ignore_requires_python=True),
        )


class _Digesting:
    """A readable stream that digests what passes through it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        return data

    def digest(self) -> str:
        """The hexadecimal SHA-256 of the whole stream; reads what is left of it."""
        while self.read(1 << 20):
            pass
        return self._digest.hexdigest()


def _extract(stream: _Digesting, folder: Path, keep: Keep) -> None:
    """Keep some of the regular files of a gzipped tar with one top folder."""
    with tarfile.open(fileobj=stream, mode="r|gz") as archive:  # type: ignore[call-overload]
        for member in archive:
            parts = PurePosixPath(member.name).parts[1:]
            if not member.isfile() or ".." in parts or not parts:
                continue
            if keep(PurePosixPath(*parts)):
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None
                with content, target.open("wb") as out:
                    shutil.copyfileobj(content, out)
    if not any(folder.iterdir()):
        raise CorpusError("the source distribution holds nothing of what is wanted")


def main(arguments: Sequence[str]) -> int:
    """Fetch the named releases; the exit status."""
    wanted = {"all": RELEASES, "": CI_VERSIONS}.get(" ".join(arguments), tuple(arguments))
    for version in wanted:
        try:
            print(path(version), flush=True)
        except CorpusError as error:
            print(f"error: {version}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
