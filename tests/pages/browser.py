"""Headless Chromium for the tests of pages: what it shows, what it complains of, what it asks the network for."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = (
    None if CHROMIUM and CHROMEDRIVER else "chromium and chromedriver are not on the PATH (Debian: chromium-driver)"
)
"""Why there is no browser; None where there is one."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
)
HERE = frozenset({"127.0.0.1", "localhost", "::1"})
WITHOUT_NETWORK = frozenset({"data", "blob", "file", "about"})
PATIENCE = 20.0
"""Seconds to wait for something on the page; a busy machine is slow, not wrong."""


class Browser:
    """A page in headless Chromium."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, where: str | Path) -> None:
        """Open an address, or a file; what the pages before complained of and asked for is forgotten."""
        self.driver.get("about:blank")
        self.requests()
        self.errors()
        self.driver.get(where.resolve().as_uri() if isinstance(where, Path) else where)

    def one(self, css: str) -> WebElement:
        """The first element of a selector, waited for."""
        self.wait_for(f"document.querySelector({json.dumps(css)}) !== null")
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        """All elements of a selector that are there now."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def texts(self, css: str) -> list[str]:
        """What is to be read in all elements of a selector."""
        return [element.text for element in self.all(css)]

    def click(self, css: str) -> None:
        """Click the first element of a selector, scrolled into sight."""
        element = self.one(css)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is; special ones are selenium's ``Keys``."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def value(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self.driver.execute_script(f"return ({script})")

    def wait_for(self, script: str, seconds: float = PATIENCE) -> None:
        """Wait until an expression in the page is true."""
        WebDriverWait(self.driver, seconds, 0.1).until(lambda _: self.value(script), f"never came true: {script}")

    def errors(self) -> list[str]:
        """What the console complained of since the last call: errors and warnings."""
        return [entry["message"] for entry in self._log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses asked for since the last call, without those inside the page (``data:``, ``blob:``) and files."""
        messages = (json.loads(entry["message"])["message"] for entry in self._log("performance"))
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if urlsplit(url).scheme not in WITHOUT_NETWORK]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return list(self.driver.get_log(kind))  # type: ignore[no-untyped-call]

    def requests_leaving(self) -> list[str]:
        """Those of :meth:`requests` that leave this machine; a page of ours has none."""
        return [url for url in self.requests() if urlsplit(url).hostname not in HERE]

    @contextmanager
    def screen(self, width: int = 1280, height: int = 900, dark: bool = False, scale: float = 1) -> Iterator[None]:
        """A screen of a size in CSS pixels, light or dark; 390 x 844 is a phone."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def is_wider_than_the_screen(self) -> bool:
        """Whether the page as a whole must be scrolled sideways."""
        return bool(self.value("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def slivers(self) -> list[str]:
        """Names of rows that are squeezed into a column a few letters wide."""
        heads = "[...document.querySelectorAll('tbody th')].filter((one) => one.offsetParent !== null)"
        thin = f"{heads}.filter((one) => one.textContent.length > 8 && one.clientWidth < 72)"
        return [str(name) for name in self.value(f"{thin}.map((one) => one.textContent)")]

    def screenshot(self, out: Path) -> None:
        """Write what is on the screen as PNG."""
        out.write_bytes(self.driver.get_screenshot_as_png())


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own; it is closed at the end."""
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(CHROMEDRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
