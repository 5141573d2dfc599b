"""Countries and areas: which there are, their names in six languages, and their regions.

The list holds the 193 Member States of the United Nations, its two observer States (Holy See, State
of Palestine), and the inhabited areas of ISO 3166 that the UN's standard M49 lists. What M49 does
not list (TW, XK) has no entry. Names are those of the Unicode CLDR, through Babel, but for the
those that the United Nations calls otherwise (`country_names.py`).
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from functools import cache

from babel import Locale

from shared import country_names
from shared.forum import Language


class Region(StrEnum):
    """The regions of the International Telecommunication Union."""

    AFRICA = "africa"
    AMERICAS = "americas"
    ARAB_STATES = "arab_states"
    ASIA_PACIFIC = "asia_pacific"
    CIS = "cis"
    EUROPE = "europe"


# ITU's regions are groups of its Member States, not parts of the map: Egypt is of the Arab States;
# Cyprus, Israel and Türkiye are of Europe. The CIS region is the nine states that wrote to ITU's
# Council of 2017 about it (document C17/98). Doubtful: Georgia, Moldova and Ukraine, which ITU's
# statistics counted with the CIS for years; here they are with Europe, as in ITU's later lists.
# All but the CIS is from general knowledge: no list of ITU's own was at hand.
_MEMBER_STATES = {
    Region.AFRICA: """
        AO BF BI BJ BW CD CF CG CI CM CV ER ET GA GH GM GN GQ GW KE LR LS MG ML MU MW MZ NA NE NG
        RW SC SL SN SS ST SZ TD TG TZ UG ZA ZM ZW""",
    Region.AMERICAS: """
        AG AR BB BO BR BS BZ CA CL CO CR CU DM DO EC GD GT GY HN HT JM KN LC MX NI PA PE PY SR SV
        TT US UY VC VE""",
    Region.ARAB_STATES: "AE BH DJ DZ EG IQ JO KM KW LB LY MA MR OM QA SA SD SO SY TN YE",
    Region.ASIA_PACIFIC: """
        AF AU BD BN BT CN FJ FM ID IN IR JP KH KI KP KR LA LK MH MM MN MV MY NP NR NZ PG PH PK PW
        SB SG TH TL TO TV VN VU WS""",
    Region.CIS: "AM AZ BY KG KZ RU TJ TM UZ",
    Region.EUROPE: """
        AD AL AT BA BE BG CH CY CZ DE DK EE ES FI FR GB GE GR HR HU IE IL IS IT LI LT LU LV MC MD
        ME MK MT NL NO PL PT RO RS SE SI SK SM TR UA""",
}
_OBSERVERS = {Region.ARAB_STATES: "PS", Region.EUROPE: "VA"}

# ITU puts states into regions, not areas. Doubtful, therefore, is every row here: an area stands
# where it lies (Réunion in Africa, French Guiana in the Americas), whichever state it belongs to.
# EH lies between Arab States, but M49 says no more than Africa.
_AREAS = {
    Region.AFRICA: "EH RE SH YT",
    Region.AMERICAS: "AI AW BL BM BQ CW FK GF GL GP KY MF MQ MS PM PR SX TC VG VI",
    Region.ASIA_PACIFIC: "AS CC CK CX GU HK MO MP NC NF NU PF PN TK WF",
    Region.EUROPE: "AX FO GG GI IM JE SJ",
}


def _region_by_code(*tables: dict[Region, str]) -> dict[str, Region]:
    return {
        code: region
        for table in tables
        for region, codes in table.items()
        for code in codes.split()
    }


MEMBER_STATES = frozenset(_region_by_code(_MEMBER_STATES))
OBSERVERS = frozenset(_region_by_code(_OBSERVERS))
_REGION = _region_by_code(_MEMBER_STATES, _OBSERVERS, _AREAS)
CODES = frozenset(_REGION)
"""ISO 3166-1 alpha-2 codes of all countries and areas that somebody can come from."""


def region(code: str) -> Region:
    """The ITU region; KeyError for a code that is not in `CODES`."""
    return _REGION[code]


def name(code: str, language: Language) -> str:
    """The country's or area's name; KeyError for a code that is not in `CODES`."""
    return _names(language)[code]


def everyday_name(code: str, language: Language) -> str:
    """What people call it, where the United Nations says more; KeyError for an unknown code."""
    return _everyday_names(language)[code]


def choices(language: Language) -> list[tuple[str, str]]:
    """Code and name of all, in the order in which a reader of the language looks for them."""
    return list(_sorted_choices(language))


@cache
def _names(language: Language) -> dict[str, str]:
    return _everyday_names(language) | country_names.of_the_united_nations(language)


@cache
def _everyday_names(language: Language) -> dict[str, str]:
    territories = Locale.parse(language).territories
    return {code: territories[code] for code in CODES}


@cache
def _sorted_choices(language: Language) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted(_names(language).items(), key=lambda entry: _collation_key(entry[1], language))
    )


def _collation_key(text: str, language: Language) -> bytes:
    """Near enough to the Unicode collation, without ICU.

    Chinese goes by pinyin: GB 2312, which GB 18030 extends, sorts 3,755 common characters so.
    A character of two readings stands under the one that GB 2312 chose; a rare one comes last.
    """
    if language == "zh":
        return text.encode("gb18030")
    return "".join(_base_letter(letter) for letter in text.casefold()).encode()


def _base_letter(letter: str) -> str:
    """The letter without its accents: é as e, أ as ا. The Russian й is no accented и: it stays."""
    if letter == "й":
        return letter
    return "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
