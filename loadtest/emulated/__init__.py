"""Emulated replicas: they sleep measured service times and answer from the table of right answers.

So small that fifty of them fit on a machine that would hold two real ones; what they cannot show is
how real replicas contend for cores. Everything measured on them is labelled emulated.
"""
