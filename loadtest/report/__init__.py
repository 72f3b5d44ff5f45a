"""A run's result: for people in the terminal and as a page, for programs as JSON, JUnit, HDR."""

from loadtest.report.folder import rebuild, write_all
from loadtest.report.live import LiveView
from loadtest.report.report import DEFINITION, Report
from loadtest.report.terminal import show
from loadtest.report.words import load_model

__all__ = ["DEFINITION", "LiveView", "Report", "load_model", "rebuild", "show", "write_all"]
