"""Trees as if and else: JavaScript that other languages' readers can follow, too."""

import json
import math
from typing import Any, Final

_LINKS: Final = {
    "identity": "  return scores[0];",
    "exp": "  return Math.exp(scores[0]);",
    "shares": "  return best(scores);",
    "softmax": "  return best(softmax(scores));",
}
_HELP: Final = """
function softmax(scores) {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function best(probabilities) {
  let first = 0;
  probabilities.forEach((p, i) => { if (p > probabilities[first]) first = i; });
  return { label: classes[first], probabilities };
}
"""


def as_text(content: dict[str, Any]) -> str:
    """Return a module with `predict`, and the features' names, of what trees.json holds."""
    trees = content["trees"]
    rounded = "x.map(Math.fround)" if content["input_dtype"] == "float32" else "x"
    lines = [
        f"// {content['estimator']}: {len(trees)} trees.",
        "// predict takes an array of numbers in the order of `features`; NaN is a missing value.",
        f"const features = {json.dumps(content['features'])};",
        f"const classes = {json.dumps(content['classes'])};",
        _HELP,
    ]
    for number, tree in enumerate(trees):
        lines += [f"function tree{number}(x) {{", *_branch(content, tree), "}", ""]
    adds = [_sum(number, tree) for number, tree in enumerate(trees)]
    lines += [
        "function predict(row) {",
        f"  const x = {rounded.replace('x', 'row', 1)};",
        f"  const sums = {json.dumps([0.0] * len(content['base']))};",
        *adds,
        f"  const base = {json.dumps(content['base'])};",
        f"  const scores = base.map((b, i) => b + {content['factor']!r} * sums[i]);",
        _answer(content),
        "}",
        "",
        "module.exports = { features, classes, predict };",
    ]
    return "\n".join(lines) + "\n"


def _sum(number: int, tree: dict[str, Any]) -> str:
    if "output" in tree:
        return f"  sums[{tree['output']}] += tree{number}(x)[0];"
    return f"  tree{number}(x).forEach((value, i) => {{ sums[i] += value; }});"


def _answer(content: dict[str, Any]) -> str:
    link = content["link"]
    if link in _LINKS:
        return _LINKS[link]
    twice = "2 * " if link == "sigmoid_twice" else ""
    above = ">=" if content["second_class_at_zero"] else ">"
    return (
        f"  const p = 1 / (1 + Math.exp(-{twice}scores[0]));\n"
        f"  const label = classes[scores[0] {above} 0 ? 1 : 0];\n"
        "  return { label, probabilities: [1 - p, p] };"
    )


def _branch(content: dict[str, Any], tree: dict[str, Any]) -> list[str]:
    """Return a tree's lines; a stack instead of recursion, as trees may be deep."""
    lines: list[str] = []
    stack: list[int | str] = [0]
    depth = 1
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            depth -= 1
            lines.append(f"{'  ' * depth}{item}")
            depth += item.endswith("{")
            continue
        feature = tree["feature"][item]
        if feature < 0:
            lines.append(f"{'  ' * depth}return {json.dumps(tree['value'][item])};")
            continue
        name = content["features"][feature].replace("\n", " ").replace("\r", " ")
        lines.append(f"{'  ' * depth}if ({_test(tree, item)}) {{  // {_harmless(name)}")
        depth += 1
        stack += ["}", tree["right"][item], "} else {", tree["left"][item]]
    return lines


def _test(tree: dict[str, Any], node: int) -> str:
    value, threshold = f"x[{tree['feature'][node]}]", repr(float(tree["threshold"][node]))
    if not math.isfinite(tree["threshold"][node]):
        raise ValueError("a threshold that no text can carry")
    # NaN is not above anything: the comparison that is false for it decides where it goes.
    return f"!({value} > {threshold})" if tree["missing_left"][node] else f"{value} <= {threshold}"


def _harmless(name: str) -> str:
    return name.encode("unicode_escape").decode("ascii")
