"""Other servers of Python models, each in an environment of its own, measured beside Percore."""
