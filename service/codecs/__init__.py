"""Bytes of a request ⇄ typed values; used by the API process and by the workers alike."""
