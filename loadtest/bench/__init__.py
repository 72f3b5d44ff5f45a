"""The benchmark: Percore and its peers side by side, and how cost grows."""
