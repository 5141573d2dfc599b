"""Which letters a badge can show, so that a form refuses the others before one is printed.

Badging knows the fonts, registration does not: tests/unit/test_scripts.py keeps the two in step.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from typing import Final

_ONLY_HINTS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
"""Variation selectors: a letter without its own is still that letter."""


def can_be_printed(text: str) -> bool:
    """Whether some font of a badge has every letter, mark and digit of `text`, which is NFC.

    Other signs are not asked for: a badge leaves out what it has not.
    """
    return all(
        _is_printed(ord(character))
        for character in text
        if unicodedata.category(character)[0] in "LMN"
    )


def _is_printed(code: int) -> bool:
    place = bisect_right(_FIRST, code) - 1
    is_in_a_range = place >= 0 and code <= _LAST[place]
    return is_in_a_range or chr(code) in _RARE or any(code in hints for hints in _ONLY_HINTS)


_RANGES: Final = """
0030-03e1 03f0-07fd 0870-167f 1780-18f5 1ab0-1ac0 1ac5 1ac7-1b4b 1b50-1b73 1c50-1cbf 1d00-1df9
1dfb-209c 20dd-20de 20f0-216b 2170-217b 2183-2184 2189-2793 2c60-2c7f 2d00-31bb 31f0-4db5
4e00-9fef a000-a69f a717-a82c a8e0-a8ff a960-a9c0 a9d0-ffdc 104b0-104fb 10780-107ba 10d00-10d39
11100-11147 111e1-111f4 11ab0-11abf 11fb0 1df00-1df1e 1e7e0-1e7fe 1e900-1e959 1f100-1f10c
"""
"""From one letter to another that fonts have, with all the letters between."""
_RARE: Final = """
𠂇𠂉𠃌𠅤𠘨𠙶𠳐𡎚𡐓𡗗𢦏𣗋𣲗𣲘𣸣𤇾𤈎𤣩𤧛𤨁𤩽𤫉𥔲𥕢𥖨𥫗𥻗𦈡𦒍𦙶𦝼𦥑𦭜𦰡𧢲𧺯𧾷𧿹𨐈𨙸𨚕𨟠𨭉𨱇𨱏𨱑
𨱔𨸏𨺙𩙿𩠐𩽾𩾃𩾌𪟝𪣻𪤗𪨰𪨶𪩘𪾢𫄧𫄨𫄷𫄸𫇭𫌀𫍣𫍯𫍲𫍽𫐄𫐐𫐓𫑡𫓧𫓯𫓶𫓹𫔍𫔎𫔶𫖮𫖯𫖳𫗧𫗴𫘜𫘝𫘦𫘧𫘨
𫘪𫘬𫚕𫚖𫚭𫛭𫞩𫟅𫟦𫟹𫟼𫠆𫠊𫠜𫢸𫫇𫭟𫭢𫭼𫮃𫰛𫵷𫶇𫷷𫸩𬀩𬀪𬂩𬃊𬇕𬇙𬇹𬉼𬊈𬊤𬌗𬍛𬍡𬍤𬒈𬒔𬒗𬕂𬘓𬘘𬘡
𬘩𬘫𬘬𬘭𬘯𬙂𬙊𬙋𬜬𬜯𬞟𬟁𬟽𬣙𬣞𬣡𬣳𬤇𬤊𬤝𬨂𬨎𬩽𬪩𬬩𬬭𬬮𬬱𬬸𬬹𬬻𬬿𬭁𬭊𬭎𬭚𬭛𬭤𬭩𬭬𬭯𬭳𬭶𬭸𬭼𬮱
𬮿𬯀𬯎𬱖𬱟𬳵𬳶𬳽𬳿𬴂𬴃𬴊𬶋𬶍𬶏𬶐𬶟𬶠𬶨𬶭𬶮𬷕𬸘𬸚𬸣𬸦𬸪𬹼𬺈𬺓𭕄𰻝𰻞𱁬
"""
"""Those that fonts have of the tens of thousands of rare Chinese characters."""
_FIRST: Final = [int(span.split("-")[0], 16) for span in _RANGES.split()]
_LAST: Final = [int(span.split("-")[-1], 16) for span in _RANGES.split()]
