from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pages.browser import Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Browser"]:
    """Headless Chromium, one for all tests of pages; skips with the reason where it is missing."""
    pytest.importorskip("selenium", reason="selenium is not installed; it is in the extra `dev`")
    from pages.browser import MISSING, started

    if MISSING is not None:
        pytest.skip(MISSING)
    with started(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser
