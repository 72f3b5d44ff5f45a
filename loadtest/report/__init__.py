"""A run's result: for people in the terminal and as a page, for programs as JSON, JUnit, HDR."""

from loadtest.report.report import DEFINITION, Report
from loadtest.report.terminal import show
from loadtest.report.words import load_model

__all__ = ["DEFINITION", "Report", "load_model", "show"]
