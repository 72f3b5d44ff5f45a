"""Statistics of a measurement, each a pure function of numbers: what may be said, how surely."""
