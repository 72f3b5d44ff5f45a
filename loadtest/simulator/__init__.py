"""A discrete-event simulation of a fleet: what thousands of replicas would do, in seconds."""
