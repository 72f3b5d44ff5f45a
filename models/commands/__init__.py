"""The longer commands of `python -m models`, each in a file of its own."""
