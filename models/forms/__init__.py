"""Ways of computing a fitted estimator that answer exactly as it does."""

from models.forms.candidates import candidates
from models.forms.form import Form, Name, Takes

__all__ = ["Form", "Name", "Takes", "candidates"]
