"""Percore's load test: real replicas behind a balancer, every answer checked. Talks HTTP only."""
