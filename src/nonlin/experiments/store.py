"""Where trials last: a database that has every finished trial the moment it ends, and that processes share.

The statements are the same for SQLite and PostgreSQL; what differs is how one connects, and the sign for a value.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from nonlin.errors import InvalidInputError, MissingDependencyError
from nonlin.experiments.trial import Trial, trial_from_json, trial_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["MEMORY", "Store", "open_store"]

MEMORY = ":memory:"
"""A store that lasts as long as the process."""

BEAT = 5.0
"""Seconds between the signs of life of a process that holds claims."""

LEASE = 60.0
"""Seconds without a sign of life after which the claims of a process on another machine count for nothing."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS studies (key TEXT PRIMARY KEY, plan TEXT NOT NULL, environment TEXT NOT NULL)",
    (
        "CREATE TABLE IF NOT EXISTS trials (study TEXT NOT NULL, function TEXT NOT NULL, stage TEXT NOT NULL, "
        "seed BIGINT NOT NULL, rate DOUBLE PRECISION NOT NULL, result TEXT NOT NULL, "
        "PRIMARY KEY (study, function, stage, seed, rate))"
    ),
    (
        "CREATE TABLE IF NOT EXISTS claims (study TEXT NOT NULL, unit TEXT NOT NULL, host TEXT NOT NULL, "
        "process BIGINT NOT NULL, seen DOUBLE PRECISION NOT NULL, PRIMARY KEY (study, unit))"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Database:
    """How one talks to a kind of database."""

    place: str
    connect: Any
    sign: str
    begin: str


class Store:
    """An open store; closed at the end of `with`."""

    def __init__(self, database: _Database) -> None:
        """Connect, and make the tables where there are none."""
        self._database = database
        self._connection: Any = database.connect()
        self._ending = threading.Event()
        self._host = socket.gethostname()
        self._beating: threading.Thread | None = None
        with self._writing():
            for statement in _TABLES:
                self._run(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give all claims back and disconnect."""
        self._ending.set()
        if self._beating is not None:
            self._beating.join()
        with self._writing():
            self._run("DELETE FROM claims WHERE host = ? AND process = ?", (self._host, os.getpid()))
        self._connection.close()

    def begin(self, study: str, plan: str, environment: str) -> str:
        """Write the plan down unless there is one; return the one that counts."""
        with self._writing():
            self._run(
                "INSERT INTO studies VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (study, plan, environment)
            )
        found: str = self._run("SELECT plan FROM studies WHERE key = ?", (study,)).fetchone()[0]
        return found

    def plan(self, study: str) -> tuple[str, str] | None:
        """Return the plan and the environment of a study, None where there is no such study."""
        found = self._run("SELECT plan, environment FROM studies WHERE key = ?", (study,)).fetchone()
        return None if found is None else (found[0], found[1])

    def trials(self, study: str) -> list[Trial]:
        """Return the finished trials of a study, in the order of their keys."""
        rows = self._run(
            "SELECT result FROM trials WHERE study = ? ORDER BY function, stage, rate, seed", (study,)
        ).fetchall()
        return [trial_from_json(row[0]) for row in rows]

    def save(self, study: str, unit: str, trials: Sequence[Trial]) -> None:
        """Write what came of a unit; what is there already stays."""
        with self._writing():
            for trial in trials:
                values = (study, trial.function, trial.stage, trial.seed, trial.rate, trial_to_json(trial))
                self._run("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)
            self._run("DELETE FROM claims WHERE study = ? AND unit = ?", (study, unit))

    def claim(self, study: str, unit: str) -> bool:
        """Take a unit unless another living process has it; return whether it is this one's now."""
        with self._writing():
            row = self._run(
                "SELECT host, process, seen FROM claims WHERE study = ? AND unit = ?", (study, unit)
            ).fetchone()
            if row is not None and self._alive(*row):
                return False
            self._run("DELETE FROM claims WHERE study = ? AND unit = ?", (study, unit))
            added = self._run(
                "INSERT INTO claims VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (study, unit, self._host, os.getpid(), time.time()),
            )
            mine: bool = added.rowcount == 1
        if mine and self._beating is None and self._database.place != MEMORY:
            self._beating = threading.Thread(target=self._beat, daemon=True)
            self._beating.start()
        return mine

    def _alive(self, host: str, process: int, seen: float) -> bool:
        if host != self._host:
            return time.time() - seen < LEASE
        if process == os.getpid():
            return False  # a claim of an earlier study of this process, which gave it up
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return time.time() - seen < LEASE  # or it is another process that has the number now

    def _beat(self) -> None:
        connection = self._database.connect()
        statement = "UPDATE claims SET seen = ? WHERE host = ? AND process = ?".replace(
            "?", self._database.sign
        )
        while not self._ending.wait(BEAT):
            connection.execute(statement, (time.time(), self._host, os.getpid()))
        connection.close()

    def _run(self, statement: str, values: Sequence[Any] = ()) -> Any:
        return self._connection.execute(statement.replace("?", self._database.sign), values)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock of writers from the first read on, so that no two processes decide on the same."""
        self._run(self._database.begin)
        try:
            yield
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")


def open_store(place: str | Path | None) -> Store:
    """Open a store.

    Args:
        place: the path of an SQLite file, which is made where there is none; a URL postgresql://…; None for memory.

    Raises:
        InvalidInputError: a place that cannot be opened.
        MissingDependencyError: PostgreSQL without psycopg.
    """
    where = MEMORY if place is None else str(place)
    if where.startswith(("postgresql://", "postgres://")):
        return Store(_postgresql(where))
    try:
        return Store(_sqlite(where))
    except sqlite3.Error as error:
        raise InvalidInputError(
            f"expected a store that can be opened, got {where}: {error}; name another"
        ) from error


def _sqlite(where: str) -> _Database:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(where, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # what is committed lasts through a loss of power too
        return connection

    return _Database(place=where, connect=connect, sign="?", begin="BEGIN IMMEDIATE")


def _postgresql(where: str) -> _Database:
    try:
        import psycopg
    except ImportError as error:
        raise MissingDependencyError(
            "a store in PostgreSQL needs psycopg: pip install 'nonlin[postgresql]'"
        ) from error

    def connect() -> Any:
        try:
            return psycopg.connect(where, autocommit=True)
        except psycopg.Error as error:
            text = " ".join(str(error).split())
            raise InvalidInputError(f"expected a PostgreSQL server at {where}: {text}; start it") from error

    # a lock that all writers of nonlin take, until the end of the transaction
    begin = "BEGIN; SELECT pg_advisory_xact_lock(6853)"
    return _Database(place=where, connect=connect, sign="%s", begin=begin)
