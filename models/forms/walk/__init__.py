"""Trees in one flat array, walked by code that numba compiles."""
