"""Countries and areas: which there are, their names in six languages, and their regions.

The list holds the 193 Member States of the United Nations, its two observer States (Holy See, State
of Palestine), and the inhabited areas of ISO 3166 that the UN's standard M49 lists. What M49 does
not list (TW, XK) has no entry. Names are those of the Unicode CLDR, through Babel, but for the
states that the United Nations calls otherwise (`country_names.py`).
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


class M49Region(StrEnum):
    """The regions of the UN's standard M49."""

    AFRICA = "africa"
    AMERICAS = "americas"
    ASIA = "asia"
    EUROPE = "europe"
    OCEANIA = "oceania"


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

_M49_REGIONS = {
    M49Region.AFRICA: """
        AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG
        ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW""",
    M49Region.AMERICAS: """
        AG AI AR AW BB BL BM BO BQ BR BS BZ CA CL CO CR CU CW DM DO EC FK GD GF GL GP GT GY HN HT
        JM KN KY LC MF MQ MS MX NI PA PE PM PR PY SR SV SX TC TT US UY VC VE VG VI""",
    M49Region.ASIA: """
        AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN
        MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR UZ VN YE""",
    M49Region.EUROPE: """
        AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT
        LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA""",
    M49Region.OCEANIA: """
        AS AU CC CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV VU WF WS""",
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
_M49_REGION = {code: region for region, codes in _M49_REGIONS.items() for code in codes.split()}
CODES = frozenset(_REGION)
"""ISO 3166-1 alpha-2 codes of all countries and areas that somebody can come from."""


def region(code: str) -> Region:
    """The ITU region; KeyError for a code that is not in `CODES`."""
    return _REGION[code]


def m49_region(code: str) -> M49Region:
    """The region in the UN's standard M49; KeyError for a code that is not in `CODES`."""
    return _M49_REGION[code]


def name(code: str, language: Language) -> str:
    """The country's or area's name; KeyError for a code that is not in `CODES`."""
    return _names(language)[code]


def choices(language: Language) -> list[tuple[str, str]]:
    """Code and name of all, in the order in which a reader of the language looks for them."""
    return list(_sorted_choices(language))


@cache
def _names(language: Language) -> dict[str, str]:
    territories = Locale.parse(language).territories
    names = {code: territories[code] for code in CODES}
    return names | country_names.of_the_united_nations(language)


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
