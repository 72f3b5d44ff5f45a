"""From a source to checked rows."""
