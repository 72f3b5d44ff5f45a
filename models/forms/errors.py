"""Why there is no such form."""


class NoForm(Exception):
    """This estimator cannot be computed this way; the text says why."""
