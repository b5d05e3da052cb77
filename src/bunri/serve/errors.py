"""What the API says when it says no: a code for programs, a sentence for people."""

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse

from bunri.errors import BunriError
from bunri.redacting import without_secrets


class Refusal(BunriError):  # noqa: N818 - it is an answer, not a failure of the server
    """A request that is not answered as asked.

    Attributes:
        status: Of HTTP.
        code: Stable name; the page has a sentence for it in each language.
        headers: Of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, dict(headers or {})

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(error_of(self), self.status, self.headers)


def error_of(refusal: Refusal) -> dict[str, Any]:
    """The body of the answer."""
    return {"error": {"code": refusal.code, "message": without_secrets(str(refusal))}}
