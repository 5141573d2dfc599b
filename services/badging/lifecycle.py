"""A badge's life: its states, and what news about the registration means for it. Pure, no I/O."""

from __future__ import annotations

from enum import StrEnum

from services.badging.holders import Holder


class Status(StrEnum):
    valid = "valid"
    revoked = "revoked"
    """Taken away by the desk or an organiser, who may reissue it."""
    superseded = "superseded"
    """Another badge of the same person took its place."""
    cancelled = "cancelled"
    """The registration ended."""


class Step(StrEnum):
    keep = "keep"
    issue = "issue"
    reissue = "reissue"
    cancel = "cancel"


def next_step(newest: Status | None, before: Holder | None, now: Holder | None) -> Step:
    """What becomes of a registration's newest badge (None: there is none) when its holder changes.

    `now` is None when the registration was cancelled or erased.
    """
    if newest == Status.valid:
        if now is None:
            return Step.cancel
        return Step.keep if before is not None and now.looks_like(before) else Step.reissue
    # Nobody gets a revoked badge back by correcting the spelling of a name: the desk reissues it.
    if now is None or newest == Status.revoked:
        return Step.keep
    return Step.issue
