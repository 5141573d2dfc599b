"""Why somebody is declined: a prepared reason, words of the reviewer's own, or both."""

from __future__ import annotations

from dataclasses import dataclass

from shared.forum import DeclineReason, Forum, Language
from shared.problems import FieldError, invalid_input


@dataclass(frozen=True)
class Reason:
    prepared: DeclineReason | None
    words: str | None

    @property
    def id(self) -> str | None:
        return None if self.prepared is None else self.prepared.id

    def in_language(self, language: Language) -> str:
        """What a registrant reads; the reviewer's own words as they were written."""
        prepared = None if self.prepared is None else self.prepared.text.in_language(language)
        # Chinese sets no blank between sentences.
        between = "" if language == "zh" else " "
        return between.join(filter(None, (prepared, self.words)))


def reason(forum: Forum, prepared_id: str | None, words: str | None) -> Reason:
    """The reason that somebody gives.

    Args:
        forum: whose prepared reasons there are.
        prepared_id: of one of them.
        words: the reviewer's own, one line.

    Raises:
        Problem: 422, there is no such prepared reason, or no reason at all.
    """
    if not prepared_id and not words:
        raise invalid_input([FieldError("reason", "is missing", "missing")])
    known = {each.id: each for each in forum.decline_reasons}
    if prepared_id and prepared_id not in known:
        raise invalid_input([FieldError("reason_id", "is not a prepared reason", "reason_id")])
    return Reason(known[prepared_id] if prepared_id else None, words or None)
