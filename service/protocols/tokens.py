"""Who may change something: whoever knows the admin token."""

from hashlib import sha256
from hmac import compare_digest

from fastapi import Request
from starlette.exceptions import HTTPException


class AdminToken:
    """Lets requests pass that bear the token.

    Args:
        token: what stands behind "Bearer" in Authorization.
    """

    def __init__(self, token: str) -> None:
        self._expected = sha256(token.encode()).digest()

    async def __call__(self, request: Request) -> None:
        """Refuse a request without it; compared in constant time.

        Raises:
            HTTPException: 401.
        """
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not compare_digest(sha256(given.encode()).digest(), self._expected):
            raise HTTPException(401, headers={"www-authenticate": "Bearer"})
