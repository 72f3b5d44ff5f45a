"""What can go wrong with stored models, as one small tree.

StoreError
├── UnknownModel        no such name, version or alias
├── ArtefactError       a stored version is not what its manifest says
├── RefusedModel        a model cannot be taken into the store, and why
├── BadSpecification    a specification file is wrong, where and how
├── BadData             rows cannot be had, or too many break their contract
└── FitFailed           no fit of the specified model succeeded, and why
"""


class StoreError(Exception):
    """Base; its text is a sentence for a person."""


class UnknownModel(StoreError):
    """No such name, version or alias in the store."""


class ArtefactError(StoreError):
    """A stored version is not what its manifest says: missing, extra or altered files."""


class RefusedModel(StoreError):
    """The model cannot be served as it is; the text says what to change."""


class BadSpecification(StoreError):
    """A specification file cannot be read or contradicts itself; every place is named."""


class BadData(StoreError):
    """Raw rows cannot be read, or too many of them break their contract."""


class FitFailed(StoreError):
    """No fit of what was specified succeeded; the text says why."""
