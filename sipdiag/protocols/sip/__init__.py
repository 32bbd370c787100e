"""SIP (RFC 3261): one message parsed, its header fields typed when they are asked for.

>>> from sipdiag.protocols.sip import parse
>>> message = parse(b"OPTIONS sip:101@192.0.2.7 SIP/2.0\\r\\nCSeq: 102 OPTIONS\\r\\n\\r\\n")
>>> message.method, message.cseq.number
('OPTIONS', 102)
>>> parse(b"\\x80\\x00 not SIP") is None
True
"""

from sipdiag.protocols.sip.fields import CSeq, NameAddr, Uri, Via
from sipdiag.protocols.sip.message import Header, Message, looks_like_sip, parse

__all__ = ["CSeq", "Header", "Message", "NameAddr", "Uri", "Via", "looks_like_sip", "parse"]
