"""Which replica gets the next request: pure policies, one for each name in a scenario."""

from loadtest.balancer.policies.base import LoadReport, Policy, Snapshot
from loadtest.balancer.policies.factory import PolicyName, PolicySettings, make_policy

__all__ = ["LoadReport", "Policy", "PolicyName", "PolicySettings", "Snapshot", "make_policy"]
