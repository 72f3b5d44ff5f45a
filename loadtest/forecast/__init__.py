"""A fleet foretold from smaller ones, then run, and the forecast held against it."""
