"""Mails are put together in a process beside this one: a badge's is milliseconds of work, and here
the mail server, the other mails and, on one machine, the gates would wait for it."""

from __future__ import annotations

import pickle
from functools import lru_cache
from typing import Final

from anyio import BrokenWorkerProcess, CapacityLimiter

from services.notifications.mails import Composer, Draft, Mail, UnusableAddress
from shared.beside import work_beside

AT_ONCE: Final = 2
"""More processes than a small machine has cores would be in each other's way."""


class Mistake(Exception):
    """Our own, over one mail. Says of what kind and where, and nothing of the person."""

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(kind, place)
        self.kind = kind
        self.place = place

    @classmethod
    def behind(cls, error: Exception) -> Mistake:
        """The mistake that an error tells of, whose own text may quote the person."""
        return error if isinstance(error, Mistake) else cls(type(error).__name__, _place(error))


class Composing:
    """Has mails made by a composer like the given one."""

    def __init__(self, composer: Composer) -> None:
        # Nobody else writes these bytes, or reads them.
        self._composer = pickle.dumps(composer)
        self._limiter = CapacityLimiter(AT_ONCE)

    async def compose(self, draft: Draft) -> Mail:
        """The whole mail.

        Raises:
            UnusableAddress: no mail can go to the addressee.
            Mistake: something went wrong that nobody foresaw.
        """
        try:
            return await work_beside(_compose, self._composer, draft, limiter=self._limiter)
        except BrokenWorkerProcess as error:
            raise Mistake(type(error).__name__, "the process beside") from None


def _compose(composer: bytes, draft: Draft) -> Mail:
    try:
        return _made(composer).compose(draft)
    except UnusableAddress:
        raise
    except Exception as error:
        # A traceback does not travel to the other process.
        raise Mistake.behind(error) from None


@lru_cache(maxsize=1)
def _made(composer: bytes) -> Composer:
    made: Composer = pickle.loads(composer)  # noqa: S301 - see Composing
    return made


def _place(error: Exception) -> str:
    """Where an error was raised: file and line, without the values at hand."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "unknown"
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
