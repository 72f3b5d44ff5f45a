"""Hostile JSON for iris: bytes that somebody will send some day, and what they must get."""

from typing import NamedTuple

import pytest

GOOD = b"[5.1,3.5,1.4,0.2]"
NAMES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
NAMED = b'{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}'


class Fault(NamedTuple):
    """A body and its refusal."""

    body: bytes
    status: int
    code: str


CODES = {400: "unreadable", 413: "too_large", 422: "schema_mismatch"}

CELLS = {
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "-Infinity": b"-Infinity",
    "nan as text": b'"nan"',
    "1e999": b"1e999",
    "-1e999": b"-1e999",
    "1e308": b"1e308",
    "-1e308": b"-1e308",
    "1e39": b"1e39",
    "a huge integer": b"9" * 4000,
    "a huge negative integer": b"-" + b"9" * 4000,
    "text": b'"5.1"',
    "empty text": b'""',
    "true": b"true",
    "null": b"null",
    "list": b"[5.1]",
    "empty list": b"[]",
    "object": b'{"value":5.1}',
}
"""Values that are no value of a float column that cannot be null: all 422."""

INSTANCES = {
    "three values": b"[5.1,3.5,1.4]",
    "five values": b"[5.1,3.5,1.4,0.2,0.1]",
    "no value": b"[]",
    "a list in a list": b"[[5.1,3.5,1.4,0.2]]",
    "text": b'"5.1,3.5,1.4,0.2"',
    "number": b"5.1",
    "null": b"null",
    "true": b"true",
    "no column": b"{}",
    "a column is missing": NAMED.replace(b'"sepal_length":5.1,', b""),
    "a column too many": NAMED.replace(b"{", b'{"colour":1,'),
    "a column in capitals": NAMED.replace(b"sepal_length", b"SEPAL_LENGTH"),
    "a very long column name": NAMED.replace(b"{", b'{"' + b"c" * 9000 + b'":1,'),
    "a very long text": NAMED.replace(b"5.1", b'"' + b"c" * 9000 + b'"'),
    "a thousand columns": b"{" + b",".join(b'"c%d":1' % i for i in range(1000)) + b"}",
    "a column named by a control character": NAMED.replace(b"{", b'{"\\u0000\\u001b[31m":1,'),
    "a picture": b'{"b64":"AAAA"}',
}
"""Instances that do not fit: all 422."""

UNREADABLE = {
    "empty": b"",
    "white space": b" \r\n\t ",
    "a word": b"hello",
    "single quotes": b"{'instance':[5.1,3.5,1.4,0.2]}",
    "trailing comma": b'{"instances":[[5.1,3.5,1.4,0.2],]}',
    "trailing garbage": b'{"instance":%s}x' % GOOD,
    "two documents": b'{"instance":%s}{"instance":%s}' % (GOOD, GOOD),
    "leading plus": b'{"instance":[+5.1,3.5,1.4,0.2]}',
    "leading zero": b'{"instance":[05.1,3.5,1.4,0.2]}',
    "hexadecimal": b'{"instance":[0x5,3.5,1.4,0.2]}',
    "comment": b'{"instance":%s} // good' % GOOD,
    "form data": b"instance=5.1&instance=3.5",
    "UTF-8 mark": b'\xef\xbb\xbf{"instance":%s}' % GOOD,
    "UTF-16": '{"instance":[5.1,3.5,1.4,0.2]}'.encode("utf-16"),
    "UTF-16 without mark": '{"instance":[5.1,3.5,1.4,0.2]}'.encode("utf-16-le"),
    "NUL before": b'\x00{"instance":%s}' % GOOD,
    "NUL after": b'{"instance":%s}\x00' % GOOD,
    "NUL in a key": b'{"inst\x00ance":%s}' % GOOD,
    "NUL alone": b"\x00" * 100,
    "broken UTF-8 in a key": b'{"inst\xffance":%s}' % GOOD,
    "broken UTF-8 in a value": b'{"instance":["\xc3\x28",3.5,1.4,0.2]}',
    "broken UTF-8 outside": b'{"instance":%s}\xff' % GOOD,
    "overlong UTF-8": b'{"instance":["\xc0\xaf",3.5,1.4,0.2]}',
    "raw surrogate": b'{"instance":["\xed\xa0\x80",3.5,1.4,0.2]}',
    "escaped lone surrogate": b'{"instance":["\\ud800",3.5,1.4,0.2]}',
    "escaped lone surrogate as key": b'{"\\ud800":%s}' % GOOD,
    "unknown escape": b'{"instance":["\\x41",3.5,1.4,0.2]}',
    "deep lists": b'{"instance":' + b"[" * 7000 + b"]" * 7000 + b"}",
    "deep lists that never end": b"[" * 15000,
    "deep objects": b'{"a":' * 2500 + b"1" + b"}" * 2500,
    "deep objects that never end": b'{"a":' * 3000,
    "instance twice": b'{"instance":%s,"instance":%s}' % (GOOD, GOOD),
    "instance twice, once escaped": b'{"instance":%s,"inst\\u0061nce":%s}' % (GOOD, GOOD),
    "instance twice, first a huge integer": b'{"instance":%s,"instance":%s}' % (b"9" * 4300, GOOD),
    "more digits than anybody converts": b'{"instance":[%s,3.5,1.4,0.2]}' % (b"9" * 4301),
    "instances twice": b'{"instances":[],"instances":[%s]}' % GOOD,
    "inputs twice": b'{"inputs":{},"inputs":{"sepal_length":[5.1],"sepal_width":[3.5],'
    b'"petal_length":[1.4],"petal_width":[0.2]}}',
    "a column twice": b'{"instance":%s}' % NAMED.replace(b"{", b'{"sepal_length":5.1,'),
    "a column twice, once escaped": b'{"instance":%s}'
    % NAMED.replace(b"{", b'{"sepal\\u005flength":5.1,'),
    "a column twice in the last instance": b'{"instances":[%s,%s]}'
    % (GOOD, NAMED.replace(b"{", b'{"sepal_width":5.1,')),
    "a column twice in inputs": b'{"inputs":{"sepal_length":[5.1],"sepal_length":[5.1],'
    b'"sepal_width":[3.5],"petal_length":[1.4],"petal_width":[0.2]}}',
}
"""Bodies that are no JSON, or say a thing twice: all 400."""

UNFIT = {
    "null": b"null",
    "number": b"5",
    "text": b'"instance"',
    "list": b"[%s]" % GOOD,
    "empty object": b"{}",
    "empty instances": b'{"instances":[]}',
    "empty inputs": b'{"inputs":{}}',
    "instances is an object": b'{"instances":%s}' % NAMED,
    "instances is null": b'{"instances":null}',
    "instances is text": b'{"instances":"%s"}' % GOOD,
    "instance and instances": b'{"instance":%s,"instances":[%s]}' % (GOOD, GOOD),
    "an unknown key": b'{"instance":%s,"rows":1}' % GOOD,
    "only an unknown key": b'{"rows":[%s]}' % GOOD,
    "a NUL in a key": b'{"instance":%s,"\\u0000":1}' % GOOD,
    "inputs is a list": b'{"inputs":[%s]}' % GOOD,
    "inputs of numbers": b'{"inputs":%s}' % NAMED,
    "inputs without rows": b'{"inputs":{"sepal_length":[],"sepal_width":[],"petal_length":[],'
    b'"petal_width":[]}}',
    "inputs of different lengths": b'{"inputs":{"sepal_length":[5.1,5],"sepal_width":[3.5],'
    b'"petal_length":[1.4],"petal_width":[0.2]}}',
    "inputs without a column": b'{"inputs":{"sepal_length":[5.1],"sepal_width":[3.5],'
    b'"petal_length":[1.4]}}',
    "inputs with a column too many": b'{"inputs":{"sepal_length":[5.1],"sepal_width":[3.5],'
    b'"petal_length":[1.4],"petal_width":[0.2],"colour":[1]}}',
}
"""Readable, but no request of this model: all 422."""


def faults() -> dict[str, Fault]:
    """Return the whole corpus by name."""
    found = {f"unreadable: {name}": (body, 400) for name, body in UNREADABLE.items()}
    found |= {f"unfit: {name}": (body, 422) for name, body in UNFIT.items()}
    for name, cell in CELLS.items():
        found[f"cell in a list: {name}"] = (b'{"instance":[3,%s,1.4,0.2]}' % cell, 422)
        named = NAMED.replace(b"3.5", cell)
        found[f"cell in an object: {name}"] = (b'{"instances":[%s]}' % named, 422)
        columns = b'{"inputs":{"sepal_length":[1],"sepal_width":[%s],' % cell
        columns += b'"petal_length":[1],"petal_width":[1]}}'
        found[f"cell in columns: {name}"] = (columns, 422)
    for name, instance in INSTANCES.items():
        found[f"instance: {name}"] = (b'{"instance":%s}' % instance, 422)
        found[f"second of instances: {name}"] = (b'{"instances":[%s,%s]}' % (GOOD, instance), 422)
    return {name: Fault(body, status, CODES[status]) for name, (body, status) in found.items()}


EACH = [pytest.param(fault, id=name) for name, fault in faults().items()]
