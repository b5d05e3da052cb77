"""The application: the API, the page, and what stands before them."""

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser

from bunri.errors import BunriError
from bunri.serve.errors import Refusal
from bunri.serve.guard import Guard
from bunri.serve.routes import ROUTES
from bunri.serve.served import Served

PAGE = Path(str(files("bunri.serve") / "static"))


def create_app(served: Served) -> FastAPI:
    """The application; its only state is what it is given."""
    MultiPartParser.spool_max_size = served.settings.max_request_bytes  # photos stay in memory and never touch a disk
    app = FastAPI(
        title="bunri",
        description="A photo in, what lies there and how to sort it out.",
        docs_url=None,  # its page loads scripts from the network
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.served = served
    app.include_router(ROUTES)
    app.add_api_route("/", lambda: FileResponse(PAGE / "index.html"), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=PAGE))
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _misshaped)
    app.add_exception_handler(BunriError, _failed)
    app.add_exception_handler(HTTPException, _not_there)
    app.add_middleware(Guard, settings=served.settings)
    return app


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return error.response()


async def _misshaped(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return Refusal(422, "bad_request", f"{place}: {first['msg']}").response()


async def _not_there(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return Refusal(error.status_code, "bad_request", str(error.detail), error.headers).response()


async def _failed(request: Request, error: Exception) -> JSONResponse:
    return Refusal(500, "failed", str(error)).response()
