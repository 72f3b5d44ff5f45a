import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

from tests.models.forms.hostile import assert_same, number_rows

X, y = load_breast_cancer(return_X_y=True)


def test_random_forest() -> None:
    model = RandomForestClassifier(20, random_state=0).fit(X, np.array(["b", "m"])[y])
    thresholds = [
        [
            cut
            for tree in model.estimators_
            for cut in tree.tree_.threshold[tree.tree_.feature == at]
        ]
        for at in range(X.shape[1])
    ]
    assert_same(model, X, number_rows(X, thresholds), ["lean"])
