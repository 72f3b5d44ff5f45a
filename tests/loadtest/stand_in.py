"""Whole runs against a stand-in for the service: their scenario, and where they lie."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

SCENARIO = """
[fleet]
replicas = 2
store = "store"
ready_timeout_s = {ready_timeout_s}
[balancer]
policy = "{policy}"
[load]
{load}
seed = 1
timeout_s = {timeout_s}
[payload]
model = "m"
probabilities = true
distinct_requests = 8
[runs]
answers_per_worker = 0
"""
CLOSED = 'kind = "closed"\nconnections = 4\nduration_s = 0.5'
