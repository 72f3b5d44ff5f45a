"""The docs page, from this process: it needs no internet."""

from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="#0b7285" '
    'd="M0 5h2v3H0zM3 2h2v6H3zM6 0h2v8H6z"/></svg>'
)


def docs_router() -> APIRouter:
    """Return the routes of the docs page and of its parts."""
    router = APIRouter(include_in_schema=False)
    folder = files("fastapi_offline") / "static"
    contents = {name: (folder / name).read_bytes() for name in ASSETS}

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Percore",
            swagger_js_url="/docs/swagger-ui-bundle.js",
            swagger_css_url="/docs/swagger-ui.css",
            swagger_favicon_url="/docs/icon.svg",
        )

    @router.get("/docs/icon.svg")
    async def icon() -> Response:
        return Response(ICON, media_type="image/svg+xml")

    @router.get("/docs/{asset}")
    async def part(asset: str) -> Response:
        if asset not in ASSETS:
            raise HTTPException(404)
        headers = {"cache-control": "max-age=86400"}
        return Response(contents[asset], media_type=ASSETS[asset], headers=headers)

    return router
