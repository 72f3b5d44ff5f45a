"""Options of the whole suite."""

import os

import pytest
from hypothesis import settings

# A plan takes some seconds a model, and most tests train models for something else.
os.environ.setdefault("PERCORE_PLAN", "0")

# How long an example takes says something about the machine, and nothing about the code.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


class NoSkips:
    """Fails a run in which a test was skipped: what CI did not run, nobody has tested."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped; an expected failure is not one."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that was skipped as a whole."""
        if report.skipped:
            self.skipped.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn success into failure if anything was skipped."""
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say why the run failed."""
        if self.skipped:
            terminalreporter.section("skipped tests fail this run", red=True)
            for nodeid in self.skipped:
                terminalreporter.line(nodeid)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --fail-on-skip."""
    parser.addoption("--fail-on-skip", action="store_true", help="a skipped test fails the run")


def pytest_configure(config: pytest.Config) -> None:
    """Set the option to work."""
    if config.getoption("fail_on_skip"):
        config.pluginmanager.register(NoSkips(), "no-skips")
