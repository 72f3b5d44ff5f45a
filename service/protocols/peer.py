"""Whose request it is: the address that fair shares are counted by.

Behind a balancer all connections come from the balancer. If it is trusted, the last hop of
X-Forwarded-For that is not one of ours is the client; anybody else may write what it likes there.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from service.protocols.http import UNKNOWN, Headers

V6_CLIENT_BITS = 64
"""Of IPv6 a customer has a whole network, and would have a share for each address in it."""
REMEMBERED = 4096

Network = IPv4Network | IPv6Network


class PeerNames:
    """Names the client of a request.

    Args:
        trusted_proxies: addresses or networks of our own balancers.
    """

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = tuple(trusted_proxies)
        # Few addresses make most requests, and reading one takes longer than looking it up.
        self._is_trusted = lru_cache(REMEMBERED)(self._look_up)
        self._name = lru_cache(REMEMBERED)(_name)

    def name(self, address: str, headers: Headers) -> str:
        """Return the client's address, or of IPv6 its network.

        Args:
            address: where the connection comes from.
            headers: by lower-case name.
        """
        if self._trusted and self._is_trusted(address):
            hops = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
            for hop in reversed(hops):
                before = hop.strip()
                if self._name(before) == UNKNOWN:
                    break  # what is no address was not written by a proxy of ours
                address = before
                if not self._is_trusted(address):
                    break
        return self._name(address)

    def _look_up(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted)


def _name(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        network = ip_network((int(found) >> V6_CLIENT_BITS << V6_CLIENT_BITS, V6_CLIENT_BITS))
        return str(network)
    return str(found)
