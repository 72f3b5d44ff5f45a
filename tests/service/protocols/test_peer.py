from ipaddress import ip_network

import pytest

from service.protocols.peer import PeerNames

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::1"))


@pytest.mark.parametrize(
    ("address", "forwarded", "name"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),  # not ours: it may write what it likes
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.7, 10.0.0.8", "10.0.0.7"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8::1", None, "2001:db8::/64"),
        ("::ffff:192.0.2.1", None, "192.0.2.1"),
        ("/run/socket", None, "unknown"),
    ],
)
def test_the_last_hop_that_is_not_ours_is_the_client(
    address: str, forwarded: str | None, name: str
) -> None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded.encode()}
    assert PeerNames(PROXIES).name(address, headers) == name


def test_without_trusted_proxies_nobody_is_believed() -> None:
    headers = {b"x-forwarded-for": b"203.0.113.9"}
    assert PeerNames(()).name("127.0.0.2", headers) == "127.0.0.2"
