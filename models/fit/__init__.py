"""Fits: one, the best of many, epoch by epoch, and against the number of rows."""
