"""A model for other languages and runtimes."""
