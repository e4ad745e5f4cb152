"""Shared by all tests: a hermetic git, hypothesis profiles, the releases that the run covers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support import corpus
from tests.support.hermetic import git_environment
from tests.support.skips import left_out

hypothesis.settings.register_profile(
    "ci",
    # Fixed examples in CI, so that a red run is reproduced by the same command; no deadline, so that a busy
    # machine is not a failure.
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.register_profile(
    "long", hypothesis.settings.get_profile("ci"), derandomize=False, max_examples=5_000
)
hypothesis.settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-releases",
        action="store_true",
        help="run the corpus tests over every vLLM release, not only those of the ordinary run (long)",
    )
    parser.addoption(
        "--all-faults",
        action="store_true",
        help="kill at every step of every kind of run, and at every step of every recovery (long)",
    )
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/golden anew from the current emission (review the difference)",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was left out, and what would run it."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)]
    if reasons:
        terminalreporter.section("left out, and what would run it")
        for line in left_out(reasons):
            terminalreporter.write_line(line)


def corpus_versions(config: pytest.Config) -> tuple[str, ...]:
    """The releases that this run covers."""
    return corpus.all_versions() if config.getoption("--all-releases") else corpus.CI_VERSIONS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Two parameters that any test can take: ``corpus_version``, and ``monolith`` = (name, version, path)."""
    versions = corpus_versions(metafunc.config)
    if "corpus_version" in metafunc.fixturenames:
        metafunc.parametrize("corpus_version", versions)
    if "monolith" in metafunc.fixturenames:
        cases = [
            (name, version, path)
            for name in corpus.MONOLITHS
            for version, path in corpus.releases_with(name, versions)
        ]
        metafunc.parametrize("monolith", cases, ids=[f"{name}-{version}" for name, version, _ in cases])


@pytest.fixture(autouse=True, scope="session")
def _hermetic_git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every git that a test starts sees no configuration but the repository's own.

    Set on the process, not handed to each call: the program under test starts git itself.
    """
    before = dict(os.environ)
    home = tmp_path_factory.mktemp("home")
    # The corpus stays where it is when HOME moves.
    cache = corpus.cache_directory()
    fixed = git_environment() | {"HOME": str(home), "MERGEGUARD_CORPUS": str(cache)}
    fixed.pop("XDG_CONFIG_HOME", None)
    # Hundreds of tests start the program: its modules are compiled once for all, and not into the checkout.
    fixed.pop("PYTHONDONTWRITEBYTECODE", None)
    fixed["PYTHONPYCACHEPREFIX"] = str(tmp_path_factory.getbasetemp().parent / "pycache")
    os.environ.clear()
    os.environ.update(fixed)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of the project's own C++ fixtures."""
    return Path(__file__).resolve().parent.parent / "fixtures"


@pytest.fixture
def all_releases(request: pytest.FixtureRequest) -> bool:
    """Whether this is the long run over every release."""
    return bool(request.config.getoption("--all-releases"))
