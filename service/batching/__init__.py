"""Who travels with whom, and when: a pure policy and the queue that follows it."""
