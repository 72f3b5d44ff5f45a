"""From declared features to one fitted pipeline."""
