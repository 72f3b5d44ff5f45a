"""The plots of a report, one a file; each returns None where there is nothing to draw."""
