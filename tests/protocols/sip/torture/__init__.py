"""The torture messages of RFC 4475 (SIP) and RFC 5118 (SIP with IPv6), and how each is read."""

from tests.protocols.sip.torture.rfc4475 import MESSAGES as RFC4475
from tests.protocols.sip.torture.rfc5118 import MESSAGES as RFC5118

MESSAGES = (*RFC4475, *RFC5118)
"""All of them."""

__all__ = ["MESSAGES", "RFC4475", "RFC5118"]
