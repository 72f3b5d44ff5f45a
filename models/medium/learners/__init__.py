"""What each step of a pipeline learns, from one batch after the other.

Each learner ends with a step of scikit-learn as `fit` of all rows at once would have left it.
"""

from models.medium.learners.choosing import learner_for
from models.medium.learners.learner import Learner

__all__ = ["Learner", "learner_for"]
