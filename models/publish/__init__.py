"""From a chosen model to a version that serves, or to a reason why not."""
