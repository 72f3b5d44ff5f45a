"""What can go wrong with stored models, as one small tree.

StoreError
├── UnknownModel        no such name, version or alias
├── ArtefactError       a stored version is not what its manifest says
└── RefusedModel        a model cannot be taken into the store, and why
"""


class StoreError(Exception):
    """Base; its text is a sentence for a person."""


class UnknownModel(StoreError):
    """No such name, version or alias in the store."""


class ArtefactError(StoreError):
    """A stored version is not what its manifest says: missing, extra or altered files."""


class RefusedModel(StoreError):
    """The model cannot be served as it is; the text says what to change."""
