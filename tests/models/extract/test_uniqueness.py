"""Repeated values, over any number of chunks."""

from hypothesis import given
from hypothesis import strategies as st

from models.extract.uniqueness import Uniqueness
from models.schema import Cell

PAIRS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 4)), st.one_of(st.none(), st.text("ab"))),
    max_size=20,
)


@given(PAIRS, st.integers(1, 7))
def test_only_the_first_taken_row_keeps_a_value(
    pairs: list[tuple[int | None, str | None]], chunk_rows: int
) -> None:
    taken: list[tuple[int | None, str | None]] = []
    expected = []
    for number, text in pairs:
        first = number is not None and number in [row[0] for row in taken]
        second = text is not None and text in [row[1] for row in taken]
        expected.append((first, second and not first))
        if not first and not second:
            taken.append((number, text))
    uniqueness = Uniqueness(("n", "t"))
    found = []
    for begin in range(0, len(pairs), chunk_rows):
        chunk = pairs[begin : begin + chunk_rows]
        columns: dict[str, list[Cell]] = {
            "n": [row[0] for row in chunk],
            "t": [row[1] for row in chunk],
        }
        answer = uniqueness.repeats(columns, len(chunk))
        found += list(zip(map(bool, answer["n"]), map(bool, answer["t"]), strict=True))
    uniqueness.close()
    assert found == expected
