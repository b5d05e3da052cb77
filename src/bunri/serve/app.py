"""The API and the page."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Protocol

import anyio
import numpy as np
from fastapi import APIRouter, FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser

from bunri.dataset import Dataset
from bunri.errors import BunriError, EngineError
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.serve.answers import (
    About,
    Batch,
    BatchItem,
    CorrectedObject,
    Correction,
    FoundObject,
    FoundPhoto,
    Health,
    Problem,
)
from bunri.serve.corrections import Corrections
from bunri.serve.errors import Refusal, error_of
from bunri.serve.guard import Guard
from bunri.serve.settings import ServeSettings
from bunri.serve.sorting_rules import SortingRules
from bunri.serve.uploads import bytes_of, photo_of, preview_of

PAGE = Path(str(files("bunri.serve") / "static"))

MAX_OBJECTS = 500
"""Boxes in one correction."""

DEFAULT_SCORE = 0.05
"""Boxes of a smaller score are not sent where nothing is asked; the page's slider starts above it."""

Score = Annotated[float, Form(ge=0, le=1)]


class Finder(Protocol):
    """A model that is asked for boxes; :class:`bunri.inference.warm.WarmModel` is one."""

    @property
    def state(self) -> str:
        """``loading``, ``ready`` or ``failed``."""

    @property
    def failure(self) -> str:
        """Why it failed."""

    def find(self, photos: Sequence[Photo]) -> Predictions:
        """Boxes on photos; image ids are rows."""


@dataclass(frozen=True)
class Served:
    """All that the API needs.

    Attributes:
        name: Of the model.
        members: Of the ensemble, or the model itself.
        classes: Class names and category ids; no images.
        finder: The model.
        rules: How its classes are sorted.
        settings: Limits.
        corrections: Where corrections are saved; None where they are not.
    """

    name: str
    members: tuple[str, ...]
    classes: Dataset
    finder: Finder
    rules: SortingRules
    settings: ServeSettings
    corrections: Corrections | None = None

    async def find(self, photo: Photo, min_score: float) -> FoundPhoto:
        """What lies on a photo.

        Raises:
            Refusal: The model is not there, or failed.
        """
        if self.finder.state == "failed":
            raise Refusal(503, "model_failed", f"the model cannot be loaded: {self.finder.failure}")
        began = time.monotonic()
        try:
            found = await anyio.to_thread.run_sync(self.finder.find, [photo])
        except EngineError as error:
            raise Refusal(503, "model_failed", str(error), {"Retry-After": "5"}) from error
        height, width, _ = photo.shape
        return FoundPhoto(
            width=width,
            height=height,
            seconds=round(time.monotonic() - began, 3),
            objects=self._objects(found.above(min_score)),
        )

    def _objects(self, found: Predictions) -> list[FoundObject]:
        names, ids = self.classes.class_names, self.classes.category_ids.tolist()
        bins = {name: rule.bin for name in names if (rule := self.rules.rule_of(name))}
        return [
            FoundObject(
                class_name=names[index],
                category_id=ids[index],
                score=round(float(found.score[row]), 4),
                box=tuple(np.round(found.box_xyxy[row], 2).tolist()),
                bin=bins.get(names[index]),
            )
            for row in np.argsort(-found.score, kind="stable").tolist()
            for index in [int(found.class_index[row])]
        ]


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


PROBLEMS = (400, 403, 404, 405, 408, 413, 421, 422, 429, 500, 503)
"""Statuses of answers that are a :class:`Problem`."""

ROUTES = APIRouter(prefix="/api", responses={status: {"model": Problem} for status in PROBLEMS})


def _served(request: Request) -> Served:
    served: Served = request.app.state.served
    return served


@ROUTES.get("/health")
async def health(request: Request) -> Health:
    """Whether photos are answered."""
    finder = _served(request).finder
    return Health.model_validate({"state": finder.state, "message": finder.failure})


@ROUTES.get("/about")
async def about(request: Request) -> About:
    """The model, its classes, the limits and the rules of sorting."""
    served, settings = _served(request), _served(request).settings
    rules = {name: served.rules.rule_of(name) for name in served.classes.class_names}
    return About(
        model=served.name,
        members=list(served.members),
        classes=list(served.classes.class_names),
        corrections=served.corrections is not None,
        max_photo_bytes=settings.max_photo_bytes,
        max_photo_pixels=settings.max_photo_pixels,
        max_batch=settings.max_batch,
        rules=served.rules,
        rule_of={name: served.rules.classes.index(rule) for name, rule in rules.items() if rule},
    )


@ROUTES.post("/find")
async def find(
    request: Request,
    photo: Annotated[UploadFile, File(description="JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF.")],
    min_score: Score = DEFAULT_SCORE,
    preview: Annotated[bool, Form(description="Send the photo back as the model saw it.")] = False,
) -> FoundPhoto:
    """Find objects on a photo. Nothing of it is stored."""
    served = _served(request)
    pixels = await _read(photo, served)
    found = await served.find(pixels, min_score)
    if preview:
        found.preview = await anyio.to_thread.run_sync(preview_of, pixels)
    return found


@ROUTES.post("/find/batch")
async def find_batch(
    request: Request, photos: Annotated[list[UploadFile], File()], min_score: Score = DEFAULT_SCORE
) -> Batch:
    """Find objects on several photos; a broken one does not spoil the others."""
    served = _served(request)
    most = served.settings.max_batch
    if len(photos) > most:
        raise Refusal(413, "too_many_photos", f"a batch must have at most {most} photos, but has {len(photos)}")
    return Batch(photos=[await _batch_item(photo, min_score, served) for photo in photos])


async def _batch_item(photo: UploadFile, min_score: float, served: Served) -> BatchItem:
    name = (photo.filename or "")[:200]
    try:
        return BatchItem(name=name, found=await served.find(await _read(photo, served), min_score))
    except Refusal as refusal:
        return BatchItem(name=name, error=error_of(refusal)["error"])


@ROUTES.post("/corrections", status_code=201)
async def correct(
    request: Request,
    photo: Annotated[UploadFile, File()],
    objects: Annotated[str, Form(description='JSON: [{"class_name": "Glass", "box": [x_min, y_min, x_max, y_max]}]')],
) -> Correction:
    """Save a photo with all its boxes for the next training, where the server was told a folder."""
    served = _served(request)
    if served.corrections is None:
        raise Refusal(403, "nothing_is_saved", "corrections must be allowed with --corrections DIR, but are not")
    boxes = _objects_of(objects)
    pixels = await _read(photo, served)
    return await anyio.to_thread.run_sync(served.corrections.save, pixels, boxes)


def _objects_of(text: str) -> list[CorrectedObject]:
    try:
        boxes = TypeAdapter(list[CorrectedObject]).validate_json(text)
    except (ValidationError, json.JSONDecodeError) as error:
        raise Refusal(
            422, "bad_objects", f"objects must be a JSON list of class_name and box: {error}"[:500]
        ) from error
    if len(boxes) > MAX_OBJECTS:
        raise Refusal(413, "too_many_objects", f"a photo must have at most {MAX_OBJECTS} boxes, but got {len(boxes)}")
    return boxes


async def _read(upload: UploadFile, served: Served) -> Photo:
    content = await bytes_of(upload, served.settings)
    return await anyio.to_thread.run_sync(photo_of, content, served.settings)


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
