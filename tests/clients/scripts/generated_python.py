"""Ask every model by the package that openapi-python-client generated before."""

# mypy: ignore-errors
# Runs in an environment of its own, which mypy does not see.

import importlib
import json
import sys
from typing import Any

said = json.load(sys.stdin)
sys.path.insert(0, said["folder"])
package = importlib.import_module("percore_api")
models = importlib.import_module("percore_api.models")
client = package.Client(base_url=said["url"], timeout=20.0)
found: dict[str, Any] = {}
for function, (body_type, body, options) in said["asks"].items():
    module = importlib.import_module(f"percore_api.api.{said['tags'][function]}.{function}")
    asked = getattr(models, body_type).from_dict(body)
    answer = module.sync(client=client, body=asked, **options)
    found[function] = [type(answer).__name__, answer.to_dict()]
print(json.dumps(found))
