"""The report in words and tables, in a language: the same for page, PDF and workbook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from babel.numbers import format_decimal, format_percent

from services.checkin.report import Attended, Report
from shared import countries, dates
from shared.forum import Forum, Language

Cell = str | int
Gettext = Callable[[str], str]

QUARTER: Final = timedelta(minutes=15)


class Percent(int):
    """Of a hundred, where no head of a column says so."""


@dataclass(frozen=True)
class Table:
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    bars: int
    """The column whose numbers are drawn as well."""
    note: str = ""

    def share(self, row: Sequence[Cell]) -> float:
        """How long the bar of a row is, of the longest."""
        most = max(int(each[self.bars]) for each in self.rows)
        return int(row[self.bars]) / most if most else 0.0


@dataclass(frozen=True)
class Curve:
    """A day's arrivals, a bar a quarter of an hour."""

    day: str
    people: int
    bars: Sequence[int]


@dataclass(frozen=True)
class Curves:
    """The arrival curves of all days, on the same scale and the same clock."""

    title: str
    note: str
    quarters: Sequence[str]
    """When each bar begins, HH:MM."""
    most: int
    """In any quarter of an hour of any day; at least 1."""
    days: Sequence[Curve]


@dataclass(frozen=True)
class Told:
    """The whole report."""

    language: Language
    title: str
    forum: str
    place: str
    as_of: str
    provisional: str
    """What to know of figures that will change; empty when the forum is over."""
    overview: Table
    curves: Curves
    tables: Sequence[Table]

    def number(self, cell: Cell) -> str:
        """As people of the language write it."""
        if isinstance(cell, str):
            return cell
        if isinstance(cell, Percent):
            written = format_percent(cell / 100, locale=self.language)
        else:
            written = format_decimal(cell, locale=self.language)
        # Helvetica has no narrow space, and a page does well without.
        return written.replace("\u202f", "\u00a0")


def tell(report: Report, forum: Forum, language: Language, _: Gettext) -> Told:
    """Put a report into words."""
    teller = _Teller(report, forum, language, _)
    place = [forum.venue.name.in_language(language), forum.venue.city.in_language(language)]
    return Told(
        language=language,
        title=_("Attendance report"),
        forum=forum.name.in_language(language),
        place=" · ".join([*place, dates.period(forum.days, language)]),
        as_of=_("As of %(time)s") % {"time": dates.moment(report.at, forum.timezone, language)},
        provisional=""
        if report.over
        else _("The forum is still under way: these figures are provisional."),
        overview=teller.overview(),
        curves=teller.curves(),
        tables=[
            teller.by_day(),
            teller.groups(_("Stakeholder groups"), report.by_category, teller.category),
            teller.groups(_("Regions"), report.by_region, teller.region),
            teller.genders(),
            teller.groups(_("Countries and areas"), report.by_country, teller.country),
            teller.busiest(),
            teller.refusals(),
            teller.arrivals(),
        ],
    )


class _Teller:
    def __init__(self, report: Report, forum: Forum, language: Language, _: Gettext) -> None:
        self._report = report
        self._language = language
        self._ = _
        self._categories = {one.id: one.name.in_language(language) for one in forum.categories}
        self._day = partial(dates.short_day, language=language)
        self._days = [self._day(day) for day in report.days]

    # --- names ---

    def category(self, category: str) -> str:
        return self._categories.get(category, category) or self._("Not known")

    def region(self, region: str) -> str:
        return _regions(self._).get(region, self._("Not known"))

    def country(self, code: str) -> str:
        known = code in countries.CODES
        return countries.name(code, self._language) if known else self._("Not known")

    # --- tables ---

    def overview(self) -> Table:
        report, _ = self._report, self._
        total = report.total
        came_from = sum(bool(code) and one.attended > 0 for code, one in report.by_country.items())
        peak = max((one.inside for one in report.peaks.values()), default=0)
        refused = sum(sum(reasons.values()) for reasons in report.refusals.values())
        rows: list[tuple[str, Cell]] = [
            (_("Registered"), total.registered),
            (_("Attended"), total.attended),
            (_("Share of the registered who attended"), Percent(percent(total))),
            (_("Countries and areas they came from"), came_from),
            (_("Most people inside at once"), peak),
            (_("Refused scans"), refused),
        ]
        return Table(_("Overview"), ["", ""], rows, bars=1)

    def by_day(self) -> Table:
        report, _ = self._report, self._
        rows: list[list[Cell]] = []
        for day, name in zip(report.days, self._days, strict=True):
            peak = report.peaks.get(day)
            first = sum(report.arrivals.get(day, {}).values())
            rows.append(
                [
                    name,
                    first,
                    peak.inside if peak else 0,
                    f"{peak.at:%H:%M}" if peak else "",
                    sum(report.refusals.get(day, {}).values()),
                ]
            )
        head = [_("Day"), _("Participants"), _("Most inside at once"), _("At"), _("Refused scans")]
        return Table(_("Days"), head, rows, bars=1)

    def groups(
        self, title: str, found: Mapping[str, Attended], name: Callable[[str], str], note: str = ""
    ) -> Table:
        """Registered against attended, the largest group first."""
        _ = self._
        head = [title, _("Registered"), _("Attended"), "%", *self._days]
        rows: list[list[Cell]] = [
            [name(group), one.registered, one.attended, percent(one), *self._by_day(one)]
            for group, one in found.items()
        ]
        rows.sort(key=lambda row: (-int(row[2]), -int(row[1]), str(row[0])))
        return Table(title, head, rows, bars=2, note=note)

    def genders(self) -> Table:
        _ = self._
        names = {"female": _("Female"), "male": _("Male"), "other": _("Other")}
        note = "" if self._report.over else _("In steps of five until the forum is over.")
        return self.groups(
            _("Gender"),
            self._report.by_gender,
            lambda gender: names.get(gender, _("Not given")),
            note,
        )

    def busiest(self) -> Table:
        _ = self._
        rows: list[list[Cell]] = []
        for one in self._report.busiest:
            clock = f"{one.begins:%H:%M}–{one.begins + QUARTER:%H:%M}"
            rows.append([f"{self._day(one.begins)}, {clock}", one.entries])
        note = _("All entries into the venue, also of those who come back.")
        head = [_("Quarter-hour"), _("Entries")]
        return Table(_("Busiest quarter-hours"), head, rows, bars=1, note=note)

    def refusals(self) -> Table:
        report, _ = self._report, self._
        reasons = _reasons(_)
        rows: list[list[Cell]] = []
        for reason in {reason for counts in report.refusals.values() for reason in counts}:
            everywhere = sum(counts.get(reason, 0) for counts in report.refusals.values())
            by_day = [report.refusals.get(day, {}).get(reason, 0) for day in report.days]
            rows.append([reasons.get(reason, reason), everywhere, *by_day])
        rows.sort(key=lambda row: (-int(row[1]), str(row[0])))
        return Table(_("Refusals"), [_("Reason"), _("Total"), *self._days], rows, bars=1)

    def arrivals(self) -> Table:
        _ = self._
        by_day = [self._report.arrivals.get(day, {}) for day in self._report.days]
        rows: list[list[Cell]] = []
        for quarter in self._quarters():
            counts = [found.get(quarter, 0) for found in by_day]
            rows.append([quarter, sum(counts), *counts])
        head = [_("Quarter-hour"), _("Total"), *self._days]
        title = _("Arrivals by quarter-hour")
        return Table(title, head, rows, bars=1, note=self._about_arrivals())

    def curves(self) -> Curves:
        report = self._report
        quarters = self._quarters()
        counts = [count for found in report.arrivals.values() for count in found.values()]
        days = []
        for day, name in zip(report.days, self._days, strict=True):
            found = report.arrivals.get(day, {})
            bars = [found.get(quarter, 0) for quarter in quarters]
            days.append(Curve(name, sum(bars), bars))
        most = max([1, *counts])
        return Curves(self._("Arrivals"), self._about_arrivals(), quarters, most, days)

    def _about_arrivals(self) -> str:
        return self._("Each person's first entry of the day.")

    def _quarters(self) -> list[str]:
        """From the first in which somebody arrived to the last, on any day."""
        found = [quarter for counts in self._report.arrivals.values() for quarter in counts]
        if not found:
            return []
        at, last = (datetime.strptime(one, "%H:%M") for one in (min(found), max(found)))  # noqa: DTZ007
        quarters = []
        while at <= last:
            quarters.append(f"{at:%H:%M}")
            at += QUARTER
        return quarters

    def _by_day(self, group: Attended) -> list[Cell]:
        return [group.by_day.get(day, 0) for day in self._report.days]


def percent(group: Attended) -> int:
    return round(100 * group.attended / group.registered) if group.registered else 0


def _regions(_: Gettext) -> dict[str, str]:
    return {
        "africa": _("Africa"),
        "americas": _("Americas"),
        "arab_states": _("Arab States"),
        "asia_pacific": _("Asia and the Pacific"),
        "cis": _("CIS"),
        "europe": _("Europe"),
    }


def _reasons(_: Gettext) -> dict[str, str]:
    return {
        "malformed": _("Not a badge"),
        "bad_signature": _("Forged badge"),
        "unknown_badge": _("Unknown badge"),
        "revoked": _("Revoked"),
        "superseded": _("Replaced by another badge"),
        "cancelled": _("Cancelled"),
        "blocked": _("Security hold"),
        "not_valid_today": _("Not valid that day"),
        "zone_not_allowed": _("Zone not allowed"),
        "already_inside": _("Already inside"),
        "zone_full": _("Zone full"),
    }
