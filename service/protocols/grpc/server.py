"""The gRPC server: the same inner path as every other protocol, on a port of its own."""

from functools import partial
from typing import Any

import grpc
import structlog

from service import __version__
from service.batching.answer import Answer
from service.catalogue import ServedVersion
from service.errors import NotFound, ServiceError
from service.protocols.certificate import Certificate
from service.protocols.grpc import inference_pb2 as pb
from service.protocols.grpc.calls import (
    CODES,
    check_key,
    check_token,
    headers_of,
    make_handler,
    nobody_is_refused,
    renewable_credentials,
)
from service.protocols.grpc.messages import asked_of, response_of, tell
from service.protocols.http import Client, Headers, Message, Reply, error_reply
from service.protocols.keys import ApiKeys
from service.protocols.predictions import Predictions
from service.protocols.tokens import AdminToken
from service.protocols.v2 import repository
from service.protocols.v2.about import (
    model_config,
    model_metadata,
    model_statistics,
    repository_index,
    server_metadata,
)
from service.protocols.v2.infer import Form, question_of
from service.protocols.v2.outputs import answer_tensors
from service.protocols.wire import Question, Whole, Written
from service.replica import Replica
from service.settings import Settings

SERVICE = "inference.GRPCInferenceService"
GRACE_S = 5.0
DIGITS = 9
log = structlog.get_logger()


class InferCall(Whole):
    """One infer call, as a protocol: its request was parsed to know the model.

    Args:
        request: the call's request.
    """

    def __init__(self, request: pb.ModelInferRequest) -> None:
        self._request = request
        self._raw = False

    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked; raises as V2's REST way does."""
        del query, headers, body
        asked = asked_of(self._request)
        self._raw = asked.raw
        return question_of(served, asked)

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the response's bytes."""
        form: Form = question.form
        tensors = answer_tensors(served.manifest.output, answer, form.outputs)
        response = response_of(served.manifest, form.id, tensors, raw=self._raw)
        if question.payload.warnings is not None:
            tell(response, question.payload.warnings)
        return Written(response.SerializeToString(), [])

    def refuse(self, error: ServiceError, id_: bytes) -> Reply:
        """Return the error's status and its sentence."""
        return error_reply(error, id_)._replace(body=error.message.encode())


class GrpcServer:
    """Serves the V2 service.

    Args:
        replica: what is served.
        predictions: answers infer calls.
        keys: who may ask; None if everybody may.
        settings: limits, and the token of whoever may load and unload.
    """

    def __init__(
        self,
        replica: Replica,
        predictions: Predictions,
        keys: ApiKeys | None,
        settings: Settings,
    ) -> None:
        self._replica = replica
        self._predictions = predictions
        self._max_batch_rows = settings.max_batch_rows
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", settings.max_body_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=settings.max_waiting,
        )
        infer = grpc.unary_unary_rpc_method_handler(self._infer)  # bytes in, bytes out
        key = nobody_is_refused if keys is None else partial(check_key, keys)
        handlers = {
            "ServerLive": make_handler(pb.ServerLiveRequest, self._live),
            "ServerReady": make_handler(pb.ServerReadyRequest, self._ready),
            "ModelReady": make_handler(pb.ModelReadyRequest, self._model_ready, key),
            "ServerMetadata": make_handler(pb.ServerMetadataRequest, self._server_metadata, key),
            "ModelMetadata": make_handler(pb.ModelMetadataRequest, self._model_metadata, key),
            "ModelConfig": make_handler(pb.ModelConfigRequest, self._model_config, key),
            "ModelStatistics": make_handler(pb.ModelStatisticsRequest, self._statistics, key),
            "RepositoryIndex": make_handler(pb.RepositoryIndexRequest, self._index, key),
            "ModelInfer": infer,
        }
        if token := settings.admin_token.get_secret_value():
            admin = partial(check_token, AdminToken(token))
            load, unload = pb.RepositoryModelLoadRequest, pb.RepositoryModelUnloadRequest
            handlers["RepositoryModelLoad"] = make_handler(load, self._load, admin)
            handlers["RepositoryModelUnload"] = make_handler(unload, self._unload, admin)
        generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
        self._server.add_generic_rpc_handlers((generic,))

    async def start(self, host: str, port: int, tls: Certificate | None) -> int:
        """Listen; return the port, which is a free one if 0 was asked for.

        Args:
            host: address to listen on.
            port: 0 for a free one.
            tls: the certificate, which may be renewed; None to talk plainly.

        Raises:
            OSError: the address cannot be had, or a file cannot be read.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if tls is None:
                bound = int(self._server.add_insecure_port(address))
            else:
                credentials = renewable_credentials(tls)
                bound = int(self._server.add_secure_port(address, credentials))
        except RuntimeError as error:
            raise OSError(str(error)) from error
        await self._server.start()
        log.info("listening_grpc", host=host, port=bound)
        return bound

    async def stop(self, limit_s: float = GRACE_S) -> None:
        """Take no more calls, and finish those that are there."""
        await self._server.stop(limit_s)

    async def _infer(self, data: bytes, context: Any) -> bytes:
        try:
            request = pb.ModelInferRequest.FromString(data)
        except Exception:  # protobuf's own class of errors is not exported
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The message is not readable.")
            raise
        reply = await self._predictions.handle(
            InferCall(request),
            lambda: self._found(request.model_name, request.model_version),
            headers_of(context, len(data)),
            b"",
            _client(context, data),
        )
        if reply.status != 200:
            code = CODES.get(reply.status, grpc.StatusCode.INTERNAL)
            await context.abort(code, reply.body.decode())
        return reply.body

    def _found(self, name: str, version: str) -> ServedVersion:
        model = self._replica.catalogue.model(name)
        if not version:
            return model.resolve()
        if not (version.isascii() and version.isdecimal() and len(version) <= DIGITS):
            raise NotFound(f"There is no version {version[:64]!r}.", code="version_not_found")
        return model.resolve(int(version))

    async def _live(self, request: pb.ServerLiveRequest) -> pb.ServerLiveResponse:
        del request
        return pb.ServerLiveResponse(live=True)

    async def _ready(self, request: pb.ServerReadyRequest) -> pb.ServerReadyResponse:
        del request
        return pb.ServerReadyResponse(ready=self._replica.is_ready())

    async def _model_ready(self, request: pb.ModelReadyRequest) -> pb.ModelReadyResponse:
        try:
            self._found(request.name, request.version)
        except ServiceError:
            return pb.ModelReadyResponse(ready=False)
        return pb.ModelReadyResponse(ready=self._replica.workers().ready > 0)

    async def _server_metadata(
        self, request: pb.ServerMetadataRequest
    ) -> pb.ServerMetadataResponse:
        del request
        return pb.ServerMetadataResponse(**server_metadata(__version__))

    async def _model_metadata(self, request: pb.ModelMetadataRequest) -> pb.ModelMetadataResponse:
        served = self._found(request.name, request.version)
        model = self._replica.catalogue.model(request.name)
        said = model_metadata(model, served.manifest)
        for one in (*said["inputs"], *said["outputs"]):
            one.pop("parameters", None)  # has no place in the message
        return pb.ModelMetadataResponse(**said)

    async def _model_config(self, request: pb.ModelConfigRequest) -> pb.ModelConfigResponse:
        served = self._found(request.name, request.version)
        return pb.ModelConfigResponse(config=model_config(served.manifest, self._max_batch_rows))

    async def _statistics(self, request: pb.ModelStatisticsRequest) -> pb.ModelStatisticsResponse:
        models = self._replica.catalogue.models.values()
        served = [one for model in models for one in model.served.values()]
        if request.name:
            served = [self._found(request.name, request.version)]
        found = [model_statistics(one.manifest, one.metrics) for one in served]
        known = set(pb.ModelStatistics.DESCRIPTOR.fields_by_name)
        return pb.ModelStatisticsResponse(
            model_stats=[{key: one[key] for key in one.keys() & known} for one in found]
        )

    async def _index(self, request: pb.RepositoryIndexRequest) -> pb.RepositoryIndexResponse:
        found = repository_index(self._replica.catalogue, only_ready=request.ready)
        return pb.RepositoryIndexResponse(models=found)

    async def _load(self, request: pb.RepositoryModelLoadRequest) -> pb.RepositoryModelLoadResponse:
        given = bool(request.parameters)
        await repository.load(self._replica, request.model_name, has_parameters=given)
        return pb.RepositoryModelLoadResponse()

    async def _unload(
        self, request: pb.RepositoryModelUnloadRequest
    ) -> pb.RepositoryModelUnloadResponse:
        await repository.unload(self._replica, request.model_name)
        return pb.RepositoryModelUnloadResponse()


def _client(context: Any, data: bytes) -> Client:
    client = Client()
    kind, _, rest = context.peer().partition(":")  # ipv4:127.0.0.1:50000, ipv6:%5B::1%5D:50000
    if kind in {"ipv4", "ipv6"}:
        client.address = rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "")

    async def receive() -> Message:
        return {"type": "http.request", "body": data}

    client.receive = receive
    return client
