"""What can be known to be wrong before a row is read: reading may take an hour."""

import warnings

from sklearn.pipeline import Pipeline

from models.fit.draw import drawn
from models.fit.one import unfitted
from models.metrics import metric_named
from models.spec import Specification


def refuse_ahead(spec: Specification) -> Pipeline:
    """Return the pipeline of the first run, unfitted: what a run names is there.

    Raises:
        BadSpecification: there is no such estimator, parameter, function or metric.
    """
    metric_named(spec.metric, spec.model.task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each run tells of them
        return unfitted(spec, drawn(spec, 0))
