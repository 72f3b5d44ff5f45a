"""What the calls of the gRPC server share: who may call, headers, and refusals as statuses."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from service.errors import ServiceError
from service.protocols.certificate import Certificate
from service.protocols.http import Headers, error_reply
from service.protocols.keys import ApiKeys
from service.protocols.tokens import AdminToken

CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""A refusal's HTTP status → gRPC's; any other is INTERNAL."""


def nobody_is_refused(headers: Headers) -> None:
    del headers


def check_key(keys: ApiKeys, headers: Headers) -> None:
    keys.name("", headers)


def check_token(token: AdminToken, headers: Headers) -> None:
    token.check(headers.get(b"authorization", b"").decode())


def make_handler(
    request: Any,
    answer: Callable[[Any], Awaitable[Any]],
    check: Callable[[Headers], None] = nobody_is_refused,
) -> Any:
    """Return a handler that tells a refusal by its status."""

    async def call(asked: Any, context: Any) -> Any:
        try:
            check(headers_of(context, 0))
            return await answer(asked)
        except ServiceError as error:
            code = CODES.get(error_reply(error, b"").status, grpc.StatusCode.INTERNAL)
            await context.abort(code, error.message)

    return grpc.unary_unary_rpc_method_handler(
        call,
        request_deserializer=request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


def headers_of(context: Any, body_bytes: int) -> dict[bytes, bytes]:
    """Return a call's metadata and deadline as the headers that say the same."""
    found = {
        key.encode(): value.encode()
        for key, value in context.invocation_metadata() or ()
        if isinstance(value, str)
    }
    found[b"content-length"] = b"%d" % body_bytes
    remaining_s = context.time_remaining()
    if remaining_s is not None:
        found[b"x-request-timeout-ms"] = b"%d" % max(remaining_s * 1000, 1)
    return found


def renewable_credentials(certificate: Certificate) -> Any:
    """Return credentials that follow the files of a certificate, looked at by each new connection.

    Raises:
        OSError: they cannot be read.
    """
    seen = certificate.stamp()

    def renewed() -> Any:
        nonlocal seen
        now = certificate.stamp()
        if now is None or now == seen:
            return None
        try:
            certificate.check()
            configuration = grpc.ssl_server_certificate_configuration([certificate.read()])
        except OSError:
            return None  # the certificate's own watch says so in the log
        seen = now
        return configuration

    first = grpc.ssl_server_certificate_configuration([certificate.read()])
    return grpc.dynamic_ssl_server_credentials(first, renewed)
