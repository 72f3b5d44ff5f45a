"""The balancer in front of a fleet: policies that decide, and a reverse proxy that acts."""
