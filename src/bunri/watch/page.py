"""The page that shows runs; what it shows it asks for again and again."""

from bunri.pages import Assets, read_words, render

ASSETS = Assets("bunri.watch", ("watch.css", "watch.js"))


def page(seconds: float) -> str:
    """The page, which looks for news every so many seconds."""
    words = read_words("bunri.pages") | read_words("bunri.report") | read_words("bunri.watch")
    return render("watch.html", ASSETS, words, seconds=seconds)
