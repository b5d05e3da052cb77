import io

import pytest

from bunri.redacting import RedactedStream, secrets_of, without_secrets


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("WANDB_API_KEY", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("HF_TOKEN", True),
        ("my_password", True),
        ("SENTRY_DSN", True),
        ("DEPLOY_KEY", True),
        ("PATH", False),
        ("HOME", False),
        ("KEYBOARD", False),
        ("BUNRI_ENGINES", False),
    ],
)
def test_names_of_variables_that_hold_keys(name: str, is_secret: bool) -> None:
    assert bool(secrets_of({name: "0123456789"})) is is_secret


def test_short_values_are_words_and_long_ones_come_first() -> None:
    variables = {"A_TOKEN": "x", "B_TOKEN": "long-enough", "C_TOKEN": "long-enough-and-longer", "D_TOKEN": " "}
    assert secrets_of(variables) == ("long-enough-and-longer", "long-enough")
    assert without_secrets("use long-enough-and-longer, long-enough, x", secrets_of(variables)) == "use ***, ***, x"


def test_the_environment_is_what_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "abcdefgh")
    assert without_secrets("login with abcdefgh failed") == "login with *** failed"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://me:pass@host/a", "https://***@host/a"),
        ("s3://key:secret@bucket and http://u:p@b", "s3://***@bucket and http://***@b"),
        ("https://host/a@b", "https://host/a@b"),
        ("git@host:a/b", "git@host:a/b"),
        ("me@host.org said: 3:4", "me@host.org said: 3:4"),
    ],
)
def test_passwords_in_addresses(text: str, told: str) -> None:
    assert without_secrets(text, ()) == told


def test_a_stream_writes_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "abcdefgh")
    below = io.TextIOWrapper(io.BytesIO(), "utf-8")
    stream = RedactedStream(below)
    assert stream.write("key abcdefgh 분리 \ud800\n") == 18
    print("and abcdefgh", file=stream)
    content = below.buffer.getvalue()
    assert content == "key *** 분리 \\ud800\nand ***\n".encode()
    stream.detach()
