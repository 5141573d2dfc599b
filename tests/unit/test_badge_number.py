"""Badge numbers: typed by hand, in a hurry, by people."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.badge_number import ALPHABET, CAPACITY, InvalidBadgeNumber, make, parse

numbers = st.integers(0, CAPACITY - 1).map(make)


def is_valid(text: str) -> bool:
    try:
        parse(text)
    except InvalidBadgeNumber:
        return False
    return True


def number_of(symbols: str) -> str:
    """The badge number that begins with `symbols`, followed by zeros and its check symbol."""
    draw = 0
    for symbol in symbols[:7].ljust(7, "0"):
        draw = draw * len(ALPHABET) + ALPHABET.index(symbol)
    return make(draw)


def swapped(number: str, place: int) -> str:
    symbols = list(number.replace("-", ""))
    symbols[place], symbols[place + 1] = symbols[place + 1], symbols[place]
    return "".join(symbols)


@given(numbers)
def test_a_number_is_printed_in_two_groups_of_four_and_reads_back(number: str) -> None:
    assert len(number) == 9
    assert number[4] == "-"
    assert set(number) - {"-"} <= set(ALPHABET)
    assert parse(number) == number


@pytest.mark.parametrize("random", [-1, CAPACITY])
def test_only_what_fits_becomes_a_number(random: int) -> None:
    with pytest.raises(ValueError, match="from 0 up to"):
        make(random)


def test_different_draws_are_different_numbers() -> None:
    assert len({make(draw) for draw in range(10_000)}) == 10_000
    assert make(0).startswith("0000-000")
    assert make(CAPACITY - 1).startswith("ZZZZ-ZZZ")


@pytest.mark.parametrize(
    "typed",
    ["7kq2-m9x1", "7KQ2M9X1", " 7KQ2 M9X1\n", "7-K-Q-2-M-9-X-1", "7KQ2–M9X1", "7kq2 - m9xl"],
)
def test_people_type_as_they_like(typed: str) -> None:
    assert parse(typed) == "7KQ2-M9X1"


@given(numbers)
def test_letters_that_look_like_digits_are_read_as_digits(number: str) -> None:
    assert parse(number.replace("0", "o").replace("1", "I")) == number
    assert parse(number.replace("0", "O").replace("1", "l")) == number


@given(numbers)
def test_every_single_wrong_symbol_is_found_wherever_it_stands(number: str) -> None:
    for place, symbol in itertools.product([0, 1, 2, 3, 5, 6, 7, 8], ALPHABET):
        changed = number[:place] + symbol + number[place + 1 :]
        assert is_valid(changed) == (changed == number)


@pytest.mark.parametrize("place", range(7))
def test_a_swap_of_neighbours_is_found_but_for_one_pair_in_496(place: int) -> None:
    """All pairs of neighbours, after all beginnings that make a difference.

    What stands before a pair matters only through one of 32 remainders. The symbol just before it
    brings about all of them; before the first pair there is nothing.
    """
    for before in ALPHABET if place else [""]:
        beginning = before.rjust(place, "0")
        pairs = (
            [(one, number_of(beginning + one)[-1]) for one in ALPHABET]
            if place == 6  # the check symbol is one of the two
            else [(one, other) for one in ALPHABET for other in ALPHABET]
        )
        missed = {
            frozenset([one, other])
            for one, other in pairs
            if one != other and is_valid(swapped(number_of(beginning + one + other), place))
        }
        assert len(missed) <= 1
        for one, other in missed:
            assert abs(ALPHABET.index(one) - ALPHABET.index(other)) in (1, 31)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "A badge number has 8 letters and digits, as in 7KQ2-M9X1; this one has 0."),
        ("7KQ2-M9X", "A badge number has 8 letters and digits, as in 7KQ2-M9X1; this one has 7."),
        ("7KQ2-M9XU", "“U” is in no badge number."),
        ("7KQ2-M9X٣", "“٣” is in no badge number."),
        ("0000-0000", "One of the letters or digits of this badge number is wrong."),
    ],
)
def test_a_wrong_number_is_answered_by_a_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(InvalidBadgeNumber, match=sentence.replace(".", r"\.")):
        parse(typed)


@given(st.text())
def test_any_text_is_answered_by_a_number_or_a_sentence(text: str) -> None:
    assert not is_valid(text) or is_valid(parse(text))
