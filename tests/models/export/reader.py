"""Plain readers of the exports: nothing of numpy, scikit-learn or ours."""

import math
import struct
from typing import Any

Row = list[float]


def softmax(scores: Row) -> Row:
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    return [power / sum(powers) for power in powers]


def sigmoid(score: float) -> float:
    if score >= 0:
        return 1 / (1 + math.exp(-score))
    return math.exp(score) / (1 + math.exp(score))


def first_best(values: Row) -> int:
    return values.index(max(values))


def weights(told: dict[str, Any], row: Row) -> tuple[Any, Row | None]:
    """Return the answer to a row of features, and probabilities."""
    return _linear(told, told["weights"], told["bias"], row)


def raw_weights(told: dict[str, Any], row: list[Any]) -> tuple[Any, Row | None]:
    """Return the answer to a row of raw columns, where None or NaN is missing."""
    raw = told["raw"]
    adds = [_added(raw, place, value) for place, value in enumerate(row)]
    bias = [math.fsum(one[score] for one in adds) + bias for score, bias in enumerate(raw["bias"])]
    return _linear(told, [[] for _ in bias], bias, [])


def _added(raw: dict[str, Any], place: int, value: Any) -> Row:
    """Return what a column adds to each score."""
    name = raw["columns"][place]
    is_missing = value is None or (isinstance(value, float) and math.isnan(value))
    coded = raw["categories"].get(name)
    if coded is not None:
        if is_missing:
            return list(coded["missing"])
        if value not in coded["values"]:
            return list(coded["unknown"])
        return [line[coded["values"].index(value)] for line in coded["weights"]]
    x = raw["fill_missing_with"][place] if is_missing else value
    more = raw["missing_adds"].get(name) if is_missing else None
    return [
        line[place] * x + (more[score] if more else 0.0)
        for score, line in enumerate(raw["weights"])
    ]


def _linear(told: dict[str, Any], table: list[Row], bias: Row, row: Row) -> tuple[Any, Row | None]:
    scores = [
        math.fsum(w * x for w, x in zip(line, row, strict=True)) + b
        for line, b in zip(table, bias, strict=True)
    ]
    classes, link = told["classes"], told["link"]
    if classes is None:
        return (math.exp(scores[0]) if link == "exp" else scores[0]), None
    if len(scores) == 1:
        p = sigmoid(scores[0])
        label = classes[1 if scores[0] > 0 else 0]
        return label, [1 - p, p] if link == "sigmoid" else None
    label = classes[first_best(scores)]
    if link == "softmax":
        return label, softmax(scores)
    if link == "sigmoid_shares":
        shares = [sigmoid(score) for score in scores]
        return label, [share / sum(shares) for share in shares]
    return label, None


def trees(told: dict[str, Any], row: Row) -> tuple[Any, Row | None]:
    if told["input_dtype"] == "float32":
        row = [struct.unpack("f", struct.pack("f", value))[0] for value in row]
    sums = [0.0] * len(told["base"])
    for tree in told["trees"]:
        values = _leaf(tree, row)
        for number, value in enumerate(values):
            sums[tree.get("output", number)] += value
    scores = [b + told["factor"] * s for b, s in zip(told["base"], sums, strict=True)]
    classes, link = told["classes"], told["link"]
    if link in {"identity", "exp"}:
        return (math.exp(scores[0]) if link == "exp" else scores[0]), None
    if link in {"shares", "softmax"}:
        shares = scores if link == "shares" else softmax(scores)
        return classes[first_best(shares)], shares
    p = sigmoid(scores[0] * (2 if link == "sigmoid_twice" else 1))
    second = scores[0] >= 0 if told["second_class_at_zero"] else scores[0] > 0
    return classes[1 if second else 0], [1 - p, p]


def _leaf(tree: dict[str, Any], row: Row) -> Row:
    node = 0
    while tree["feature"][node] >= 0:
        value = row[tree["feature"][node]]
        low = tree["missing_left"][node] if math.isnan(value) else value <= tree["threshold"][node]
        node = tree["left"][node] if low else tree["right"][node]
    found: Row = tree["value"][node]
    return found


def support_vectors(told: dict[str, Any], row: Row) -> Any:
    kernel = [_kernel(told, vector, row) for vector in told["vectors"]]
    coefficients, bias = told["coefficients"], told["bias"]
    if told["classes"] is None:
        value = sum(c * k for c, k in zip(coefficients[0], kernel, strict=True)) + bias[0]
        if told["estimator"] == "OneClassSVM":
            return 1 if value > 0 else -1
        return value
    ends = [0]
    for count in told["counts"]:
        ends.append(ends[-1] + count)
    votes, pair = [0] * len(told["classes"]), 0
    for i in range(len(votes)):
        for j in range(i + 1, len(votes)):
            value = bias[pair]
            value += sum(coefficients[j - 1][v] * kernel[v] for v in range(ends[i], ends[i + 1]))
            value += sum(coefficients[i][v] * kernel[v] for v in range(ends[j], ends[j + 1]))
            votes[i if value > 0 else j] += 1
            pair += 1
    return told["classes"][votes.index(max(votes))]


def _kernel(told: dict[str, Any], a: Row, b: Row) -> float:
    if told["kernel"] == "rbf":
        distance = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
        return math.exp(-told["gamma"] * distance)
    product = sum(x * y for x, y in zip(a, b, strict=True))
    if told["kernel"] == "linear":
        return product
    inner: float = told["gamma"] * product + told["coef0"]
    return inner ** int(told["degree"]) if told["kernel"] == "poly" else math.tanh(inner)
