"""The reference of the specification file, from the types that check it."""

from typing import Any

from models.spec import Specification

ORDER = (
    ("[model]", "ModelPart"),
    ('[source] kind = "csv"', "CsvSource"),
    ('[source] kind = "jsonl"', "JsonLinesSource"),
    ('[source] kind = "parquet"', "ParquetSource"),
    ('[source] kind = "sql"', "SqlSource"),
    ('[source] kind = "spark"', "SparkSource"),
    ("[source.mark]", "Mark"),
    ("[columns.NAME]", "ColumnContract"),
    ("[target]", "Target"),
    ('[[features]] kind = "numeric"', "Numeric"),
    ('[[features]] kind = "onehot"', "OneHot"),
    ('[[features]] kind = "response"', "Response"),
    ('[[features]] kind = "ordinal"', "Ordinal"),
    ('[[features]] kind = "boolean"', "Boolean"),
    ('[[features]] kind = "date"', "DateParts"),
    ('[[features]] kind = "text"', "Words"),
    ('[[features]] kind = "picture"', "Picture"),
    ('[[features]] kind = "function"', "Function"),
    ("[split]", "Split"),
    ("[fit]", "Fit"),
    ("[fit.estimator]", "EstimatorChoice"),
    ("[fit.search] a range", "Range"),
    ("[fit.epochs]", "Epochs"),
    ("[fit.curve]", "Curve"),
    ("[medium]", "Medium"),
    ("[publish]", "Publish"),
)
HEAD = (
    "# The specification file\n\n"
    "Every table and key of a specification, TOML, that `python -m models train FILE.toml` takes;"
    " how to use it is in [lifecycle.md](lifecycle.md). A key that nobody knows is an error."
    " Generated from the types that check it.\n"
)


def specification_page() -> str:
    """Return a page with a table for each part.

    Raises:
        SystemExit: a part is in no table, or a table is of no part.
    """
    schema = Specification.model_json_schema()
    parts: dict[str, Any] = schema["$defs"]
    listed = {name for _, name in ORDER}
    if listed != parts.keys():
        raise SystemExit(f"docs/specification.py lists not all parts: {listed ^ parts.keys()}")
    page = [HEAD]
    for title, name in ORDER:
        part = parts[name]
        page += [f"## {title}", "", _line(part.get("description", "")), ""]
        page += ["| key | type | if left out | what it says |", "|---|---|---|---|"]
        needed = part.get("required", ())
        page += [_row(key, one, key in needed) for key, one in part["properties"].items()]
        page.append("")
    return "\n".join(page)


def _row(key: str, one: dict[str, Any], needed: bool) -> str:
    default = "needed" if needed else f"`{_value(one.get('default'))}`"
    return f"| `{key}` | {_kind(one)} | {default} | {_line(one.get('description', ''))} |"


def _kind(one: dict[str, Any]) -> str:
    if "const" in one or "enum" in one:
        values = one.get("enum") or [one["const"]]
        return " or ".join(f"`{_value(value)}`" for value in values)
    if "$ref" in one:
        return str(one["$ref"]).rpartition("/")[2]
    if "anyOf" in one:
        kinds = (_kind(each) for each in one["anyOf"] if each.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if one.get("type") == "array":
        items = one.get("items") or one.get("prefixItems", [{}])[0]
        return f"list of {_kind(items)}"
    if one.get("type") == "object":
        inside = one.get("additionalProperties")
        return f"table of {_kind(inside)}" if isinstance(inside, dict) else "table"
    return str(one.get("type", "anything"))


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
