from hypothesis import given
from hypothesis import strategies as st

from service.batching.entry import Payload
from service.batching.quarantine import Quarantine, input_key
from service.codecs.cells import Cells
from service.inference.messages import Media


@given(st.binary(), st.binary(), st.binary(), st.binary())
def test_other_inputs_have_other_keys(a: bytes, b: bytes, c: bytes, d: bytes) -> None:
    one, other = Cells(1, a, b), Cells(1, c, d)
    same = input_key("m/1", Payload(1, one)) == input_key("m/1", Payload(1, other))
    assert same == ((a, b) == (c, d))


def test_the_key_is_of_the_version_too() -> None:
    payload = Payload(1, None, b"picture", Media.IMAGE)
    assert input_key("m/1", payload) == input_key("m/1", payload)
    assert input_key("m/1", payload) != input_key("m/2", payload)


def test_quarantine_ends_and_is_bounded() -> None:
    quarantine = Quarantine(capacity=2, lifetime_s=10.0)
    quarantine.add(b"a", 0.0)
    assert quarantine.holds(b"a", 9.9)
    assert not quarantine.holds(b"a", 10.0)
    for i, key in enumerate((b"a", b"b", b"c")):
        quarantine.add(key, float(i))
    assert not quarantine.holds(b"a", 3.0)
    assert quarantine.holds(b"b", 3.0)
    assert quarantine.holds(b"c", 3.0)
    assert len(quarantine) == 2
