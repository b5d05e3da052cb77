"""The file of a ledger: one table in SQLite, which any tool can read."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bunri.errors import DataError, UsageError
from bunri.files import cannot_write
from bunri.ledger.entries import Entry
from bunri.settings import nearest

COLUMNS = tuple(one.name for one in fields(Entry))
AS_JSON = ("members", "facts")
"""Columns kept as JSON text."""

OF_THE_DISK = tuple(f"SQLITE_{name}" for name in ("READONLY", "FULL", "IOERR", "CANTOPEN", "BUSY", "LOCKED", "PERM"))
"""Beginnings of SQLite's names of errors that are not of what the file holds."""

_ENTRY = TypeAdapter(Entry)

SCHEMA = f"CREATE TABLE IF NOT EXISTS entries ({', '.join(COLUMNS)}, PRIMARY KEY (name))"


class Ledger:
    """All entries of a project."""

    def __init__(self, path: Path) -> None:
        """Take the file; it is made when something is written."""
        self._path = path

    def entries(self) -> list[Entry]:
        """All entries, by the time they ended.

        Raises:
            DataError: The file is no ledger.
        """
        if not self._path.exists():
            return []
        with self._open() as connection:
            rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM entries ORDER BY ended, name").fetchall()
            return [_entry(row) for row in rows]

    def put(self, entries: Sequence[Entry]) -> None:
        """Write entries over those of the same name; what a user typed in stays.

        Raises:
            DataError: The file is no ledger.
            OutputError: It cannot be written.
        """
        kept = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS if column not in ("name", "leaderboard"))
        marks = ", ".join("?" for _ in COLUMNS)
        with self._open() as connection:
            connection.executemany(
                f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({marks}) ON CONFLICT (name) DO UPDATE SET {kept}",
                [_row(entry) for entry in entries],
            )

    def set_leaderboard(self, name: str, score: float | None) -> None:
        """Keep what a leaderboard said.

        Raises:
            UsageError: There is no such entry, or the score is not from 0 to 1.
        """
        known = [entry.name for entry in self.entries()]
        if name not in known:
            raise UsageError(f"the ledger has no entry {name!r}{nearest(name, known)}")
        if score is not None and not 0 <= score <= 1:
            raise UsageError(f"a leaderboard's score must be from 0 to 1, but got {score}; 63.4 points are 0.634")
        with self._open() as connection:
            connection.execute("UPDATE entries SET leaderboard = ? WHERE name = ?", (score, name))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection that keeps all the block writes, or nothing of it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=30)
        except (OSError, sqlite3.OperationalError) as error:
            raise cannot_write(self._path, OSError(str(error))) from error
        try:
            with connection:
                connection.execute(SCHEMA)
                yield connection
        except (
            sqlite3.DatabaseError,
            ValueError,
            TypeError,
            MemoryError,
        ) as error:  # cells can claim all
            if getattr(error, "sqlite_errorname", "").startswith(OF_THE_DISK):
                raise cannot_write(self._path, OSError(str(error))) from error
            reason = str(error).replace("\n", " ")
            raise DataError(f"a ledger must be a SQLite file of bunri, but {self._path}: {reason}. Move it.") from error
        finally:
            connection.close()


def _row(entry: Entry) -> list[Any]:
    values = entry.to_dict()
    return [json.dumps(values[column]) if column in AS_JSON else values[column] for column in COLUMNS]


def _entry(row: Sequence[Any]) -> Entry:
    values = dict(zip(COLUMNS, row, strict=True))
    values |= {column: json.loads(values[column]) for column in AS_JSON}
    return _ENTRY.validate_python(values | {"members": tuple(values["members"])})
