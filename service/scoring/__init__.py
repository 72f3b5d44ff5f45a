"""Offline scoring: whole files through the service's own workers, in bounded memory, resumable."""
