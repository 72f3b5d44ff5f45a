"""What V2 tells of the server and its models: metadata, configuration, statistics, index."""

from collections.abc import Iterable, Iterator
from typing import Any

from models.manifest import Manifest
from models.schema import Column, ImageSchema, OutputSchema, TabularSchema
from service.catalogue import Catalogue, CataloguedModel
from service.metrics import ModelMetrics

PREDICT = "predict"
PROBABILITIES = "predict_proba"
TABLE = "input"
"""The one input of a model that was fitted on a bare array."""
IMAGE = "image"
PLATFORM = "sklearn"
EXTENSIONS = (
    "binary_tensor_data", "classification", "model_configuration", "model_repository",
    "model_repository(unload_dependents)", "parameters", "schedule_policy", "statistics",
)  # fmt: skip
ONE_A_ROW = [-1, 1]
"""Not [-1]: where max_batch_size is above 0, Triton's clients take the first dimension for the
batch's, and send nothing if no other is left. [n] is read as well."""
MAX_EXAMPLE_CHARS = 1 << 14
_DATATYPES = {"bool": "BOOL", "float32": "FP32", "float64": "FP64", "string": "BYTES"}
Described = dict[str, Any]


def server_metadata(version: str) -> Described:
    """Return what the server says of itself."""
    return {"name": "percore", "version": version, "extensions": list(EXTENSIONS)}


def model_metadata(model: CataloguedModel, manifest: Manifest) -> Described:
    """Return a version's inputs and outputs, and which versions of the model are served."""
    return {
        "name": manifest.name,
        "versions": [str(version) for version in sorted(model.served)],
        "platform": PLATFORM,
        "inputs": inputs_of(manifest),
        "outputs": list(_outputs(manifest.output)),
    }


def model_config(manifest: Manifest, max_batch_rows: int) -> Described:
    """Return a version's configuration, as far as clients of Triton ask for it."""

    def listed(tensors: Iterable[Described]) -> list[Described]:
        return [
            {
                "name": one["name"],
                "data_type": "TYPE_" + one["datatype"].replace("BYTES", "STRING"),
                # The first dimension is the batch's, which max_batch_size speaks of.
                "dims": one["shape"][1:] or [1],
            }
            for one in tensors
        ]

    return {
        "name": manifest.name,
        "platform": PLATFORM,
        "backend": PLATFORM,
        "version_policy": {"specific": {"versions": [manifest.version]}},
        "max_batch_size": max_batch_rows,
        "input": listed(inputs_of(manifest)),
        "output": listed(_outputs(manifest.output)),
        "dynamic_batching": {},
    }


def model_statistics(manifest: Manifest, metrics: ModelMetrics) -> Described:
    """Return what was counted for a version since the service began; times are sums.

    A worker measures reading a batch and writing its answers as one: `compute_input` has both.
    """
    good = metrics.requests.get(200, 0)
    parse, queue, predict, transfer, encode = (stage.sum() for stage in metrics.stages)

    def lasted(count: int, seconds: float) -> dict[str, int]:
        return {"count": count, "ns": round(seconds * 1e9)}

    return {
        "name": manifest.name,
        "version": str(manifest.version),
        "last_inference": metrics.last_batch_ms(),
        "inference_count": metrics.rows,
        "execution_count": metrics.batch_rows.count(),
        "inference_stats": {
            "success": lasted(good, metrics.total.sum()),
            "fail": lasted(sum(metrics.requests.values()) - good, metrics.failed_s),
            "queue": lasted(good, queue),
            "compute_input": lasted(good, parse),
            "compute_infer": lasted(good, predict),
            "compute_output": lasted(good, transfer + encode),
            "cache_hit": lasted(0, 0.0),
            "cache_miss": lasted(0, 0.0),
        },
        "response_stats": {},
        "batch_stats": [
            {
                "batch_size": rows,
                "compute_input": {"count": times.count, "ns": times.around_ns},
                "compute_infer": {"count": times.count, "ns": times.predict_ns},
                "compute_output": {"count": 0, "ns": 0},
            }
            for rows, times in sorted(metrics.batch_times.items())
        ],
        # Workers share the pages of all models: no part of them is one model's own. What loading
        # took, which Triton tells, has libraries in it, and pages that freed models left.
        "memory_usage": [],
    }


def repository_index(catalogue: Catalogue, *, only_ready: bool) -> list[Described]:
    """Return every version in the store, with its state."""
    found = []
    for model in catalogue.models.values():
        for version in model.versions:
            state, reason = _state(model, version)
            if state == "READY" or not only_ready:
                about = {"name": model.name, "version": str(version)}
                found.append(about | {"state": state, "reason": reason})
    return found


def output_datatype(output: OutputSchema) -> str:
    """Return the datatype of what `predict` answers."""
    if output.kind == "values":
        return _DATATYPES.get(output.dtype.replace("32", "64"), "INT64")
    kinds = {type(label) for label in output.classes or ()}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {str}:
        return "BYTES"
    return "FP64" if float in kinds else "INT64"


def inputs_of(manifest: Manifest) -> list[Described]:
    """Return the inputs of a version: one a column, one for a bare array, or one of pictures."""
    schema = manifest.input
    if not isinstance(schema, TabularSchema):
        return [
            {
                "name": IMAGE,
                "datatype": "BYTES",
                "shape": ONE_A_ROW,
                "parameters": _about_pictures(schema, manifest),
            }
        ]
    datatypes = {_datatype(column) for column in schema.columns}
    if schema.container == "array" and "BYTES" not in datatypes:
        datatype = datatypes.pop() if len(datatypes) == 1 else "FP64"
        shape = [-1, len(schema.columns)]
        return [{"name": TABLE, "datatype": datatype, "shape": shape}]
    return [
        {
            "name": column.name,
            "datatype": _datatype(column),
            "shape": ONE_A_ROW,
            "parameters": _about_column(column),
        }
        for column in schema.columns
    ]


def _state(model: CataloguedModel, version: int) -> tuple[str, str]:
    if version in model.served:
        return "READY", ""
    if version in model.refused:
        return "UNAVAILABLE", model.refused[version]
    if version in model.wanted:
        return "LOADING", ""
    if not model.wanted:
        return "UNAVAILABLE", "unloaded"
    return "UNAVAILABLE", "not served: no alias in use names it"


def _outputs(output: OutputSchema) -> Iterator[Described]:
    shape = [-1] if output.width is None else [-1, output.width]
    yield {"name": PREDICT, "datatype": output_datatype(output), "shape": shape}
    if output.probabilities:
        shape = [-1, len(output.classes or ())]
        yield {"name": PROBABILITIES, "datatype": "FP64", "shape": shape}


def _datatype(column: Column) -> str:
    plain = column.dtype
    return _DATATYPES.get(plain) or plain.replace("uint", "UINT").replace("int", "INT")


def _about_column(column: Column) -> Described:
    """Return what else is known of a column, where clients look for what is not in the protocol."""
    about: Described = {
        "nullable": column.nullable,
        "example": column.example,
        "policy": column.policy.model_dump(exclude_none=True),
    }
    if column.categories is not None:
        about["categories"] = list(column.categories)
    if column.dates:
        about["format"] = "ISO 8601"
    if column.min is not None:
        about |= {"min": column.min, "max": column.max}
    return about


def _about_pictures(schema: ImageSchema, manifest: Manifest) -> Described:
    """Return what a picture becomes, and one in base64."""
    about: Described = {"content_type": "base64", **schema.model_dump(exclude={"kind"})}
    example = manifest.golden.instances[0]["b64"] if manifest.golden.instances else ""
    if 0 < len(example) <= MAX_EXAMPLE_CHARS:
        about["example"] = example
    return about
