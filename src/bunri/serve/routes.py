"""The API: what may be asked, and what is answered."""

from typing import Annotated

import anyio
from fastapi import APIRouter, File, Form, Request, UploadFile
from pydantic import TypeAdapter, ValidationError

from bunri.photos import Photo
from bunri.serve.answers import About, Batch, BatchItem, CorrectedObject, Correction, FoundPhoto, Health, Problem
from bunri.serve.errors import Refusal, error_of
from bunri.serve.served import Served
from bunri.serve.uploads import bytes_of, photo_of, preview_of

MAX_OBJECTS = 500
"""Boxes in one correction."""

DEFAULT_SCORE = 0.05
"""Boxes of a smaller score are not sent where nothing is asked; the page's slider starts above it."""

Score = Annotated[float, Form(ge=0, le=1)]

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
    except ValidationError as error:
        raise Refusal(
            422, "bad_objects", f"objects must be a JSON list of class_name and box: {error}"[:500]
        ) from error
    if len(boxes) > MAX_OBJECTS:
        raise Refusal(413, "too_many_objects", f"a photo must have at most {MAX_OBJECTS} boxes, but got {len(boxes)}")
    return boxes


async def _read(upload: UploadFile, served: Served) -> Photo:
    content = await bytes_of(upload, served.settings)
    return await anyio.to_thread.run_sync(photo_of, content, served.settings)
