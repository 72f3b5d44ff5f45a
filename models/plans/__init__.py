"""Verified plans: which form computes a stored model, for batches of which size, and the proof."""
