"""Faults at their times, and what they did to the requests."""
