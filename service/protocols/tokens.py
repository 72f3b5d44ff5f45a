"""Who may change something: whoever knows the admin token."""

from hashlib import sha256
from hmac import compare_digest

from fastapi import Request

from service.errors import Unauthenticated


class AdminToken:
    """Lets requests pass that bear the token.

    Args:
        token: what stands behind "Bearer" in Authorization.
    """

    def __init__(self, token: str) -> None:
        self._expected = sha256(token.encode()).digest()

    def fits(self, authorization: str) -> bool:
        """Return whether what stands in Authorization is the token; in constant time."""
        given = authorization.removeprefix("Bearer ")
        return compare_digest(sha256(given.encode()).digest(), self._expected)

    async def __call__(self, request: Request) -> None:
        """Refuse a request without it.

        Raises:
            Unauthenticated: what to send.
        """
        self.check(request.headers.get("authorization", ""))

    def check(self, authorization: str) -> None:
        """Refuse whoever does not know the token.

        Raises:
            Unauthenticated: what to send.
        """
        if not self.fits(authorization):
            raise Unauthenticated("Send the admin token, as Authorization: Bearer TOKEN.")
