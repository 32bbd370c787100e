"""Stand-ins for everything that names somebody: users, numbers, hosts, displays, identifiers.

Contract: equal stays equal and different different, within a run and across its files; the n-th
new original gets the n-th stand-in, so that the same input gives the same output and no stand-in
can be computed back. What is held is capped (``Limits.stand_ins``); beyond that only the form of
a text is kept, and ``hits`` says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from ipaddress import IPv4Address

from sipdiag.anonymise.addresses import Addresses
from sipdiag.base.endpoint import Endpoint, parse_ip
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits

_V4 = r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.?[0-9])"
_V6 = r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:(?:\.[0-9]{1,3}){3})?(?![\w:])"
_ADDRESS = re.compile(f"{_V6}|{_V4}")
_PIECES = re.compile(f"({_V6}|{_V4}|@)")
_PORT = re.compile(r":[0-9]{1,5}")

_PLAIN_USERS = frozenset({"", "-", "*", "s", "asterisk", "anonymous", "unknown", "root"})
_PLAIN_HOSTS = frozenset({"", "localhost", "anonymous.invalid", "invalid", "asterisk"})
_PREFIXES = ("z9hG4bKPj", "z9hG4bK", '"<urn:uuid:', "<urn:uuid:", "urn:uuid:", "sip:")
"""The beginnings of identifiers that tell of software and not of people (RFC 3261 section 8.1.1.7,
pjproject's sip_transaction.c, RFC 4122)."""
_CHAN_SIP_TAG = re.compile(r"as[0-9a-f]{8}")

_SERIAL = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?=[A-Za-z]*\d)[0-9A-Za-z]{10,})"
    r"(?![0-9A-Za-z])"
)
"""A MAC address, or a serial number, in the name of a phone's software."""
_DOMAIN = re.compile(r"(?<![\w.@-])(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w.-])")
_WORD = re.compile(r"(?!\d+\b)\w{3,}")
_MAILBOX = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}")


class StandIns:
    """The stand-ins of one run. ``hits`` is where a full table is reported."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.hits = LimitHits()
        self._most = limits.stand_ins
        self._addresses = Addresses()
        self._users: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._tokens_taken: set[str] = set()

    def ip(self, text: str) -> str:
        """For a written IP address, brackets or not; canonical, without brackets. What is no
        address comes as ``host`` gives it."""
        address = parse_ip(text)
        if address is None:
            return self.host(text)
        if self._full(self._addresses) and str(address) not in self._addresses:
            return self._addresses.shared(address)
        return self._addresses.of(address)

    def endpoint(self, endpoint: Endpoint) -> Endpoint:
        """The address replaced, the port kept."""
        return Endpoint(self.ip(endpoint.ip), endpoint.port)

    def host(self, text: str) -> str:
        """For a host name or address as written; brackets stay."""
        bare = text.strip("[]")
        if parse_ip(text) is not None:
            return f"[{self.ip(bare)}]" if text.startswith("[") else self.ip(bare)
        if bare.lower() in _PLAIN_HOSTS:
            return text
        return self._numbered(self._hosts, bare.lower(), "host{}.example")

    def user(self, text: str) -> str:
        """For a user name or a number."""
        if text.lower() in _PLAIN_USERS:
            return text
        local, at, host = text.rpartition("@")
        if at:
            return f"{self.user(local)}@{self.host(host)}"
        return self._numbered(self._users, text, "user{}")

    def name(self, text: str) -> str:
        """For a display name; one that is a user's name gets that user's stand-in."""
        if text.lower() in _PLAIN_USERS or text in self._users:
            return self.user(text)
        return self._numbered(self._names, text, "Name {}")

    def token(self, text: str) -> str:
        """For an opaque text: same length, same kinds of characters in the same places. Addresses
        in it get their stand-ins; what stands before and behind an ``@`` is replaced by itself."""
        return "".join(
            (_ADDRESS.fullmatch(piece) and self._address(piece)) or self._piece(piece)
            for piece in _PIECES.split(text)
        )

    def within(self, text: str) -> str:
        """A harmless text with the addresses in it replaced."""
        return _ADDRESS.sub(lambda match: self._address(match[0]) or match[0], text)

    def software(self, text: str) -> str:
        """For User-Agent and Server: names and versions stay; serials, MAC addresses, mailboxes,
        host names, users and addresses met elsewhere don't. (``1.0.4.128`` may be a version.)"""
        text = _MAILBOX.sub(lambda match: self.user(match[0]), text)
        text = _DOMAIN.sub(lambda match: self.host(match[0]), text)
        text = _SERIAL.sub(lambda match: self.token(match[0]), text)
        text = _ADDRESS.sub(
            lambda match: self.ip(match[0]) if match[0] in self._addresses else match[0], text
        )
        return _WORD.sub(lambda match: self._users.get(match[0], match[0]), text)

    def _address(self, text: str) -> str | None:
        """The stand-in, None where the text only looks like an address."""
        if ":" not in text:
            octets = [int(octet) for octet in text.split(".")]
            return self.ip(".".join(map(str, octets))) if max(octets) <= 255 else None
        address = parse_ip(text)
        if address is None:
            return None
        mapped = isinstance(address, IPv4Address) and "." in text
        return text[: text.rindex(":") + 1] + self.ip(text) if mapped else self.ip(text)

    def _piece(self, text: str) -> str:
        if _PORT.fullmatch(text) or not any(char.isalnum() for char in text):
            return text
        prefix = next((p for p in _PREFIXES if text.startswith(p)), "")
        if _CHAN_SIP_TAG.fullmatch(text):
            prefix = "as"
        rest = text[len(prefix) :]
        known = self._tokens.get(rest)
        if known is None:
            if self._full(self._tokens):
                return prefix + re.sub(r"\w", "x", rest)
            known = self._scrambled(rest)
            self._tokens[rest] = known
            self._tokens_taken.add(known)
        return prefix + known

    def _scrambled(self, text: str) -> str:
        number = len(self._tokens) + 1
        for salt in range(64):
            made = _like(text, f"{number}.{salt}".encode())
            if made not in self._tokens_taken and made not in self._tokens and made != text:
                return made
        return f"{made}{number}"

    def _numbered(self, table: dict[str, str], text: str, form: str) -> str:
        known = table.get(text)
        if known is None:
            if self._full(table):
                return form.format("x")
            number = len(table) + 1
            while form.format(number) in table or form.format(number) == text:
                number += 1
            known = table[text] = form.format(number)
        return known

    def _full(self, table: dict[str, str] | Addresses) -> bool:
        if len(table) < self._most:
            return False
        self.hits.hit("stand_ins")
        return True


def _like(text: str, seed: bytes) -> str:
    """Other characters of the same kinds, as the seed has it."""
    kinds: Callable[[str], str] = _hexadecimal if _is_hexadecimal(text) else _alphabet
    needed = -(-len(text) // 32)
    stream = b"".join(hashlib.sha256(seed + b".%d" % n).digest() for n in range(needed))
    return "".join(
        letters[byte % len(letters)] if (letters := kinds(char)) else char
        for char, byte in zip(text, stream, strict=False)
    )


def _is_hexadecimal(text: str) -> bool:
    return all(char in "0123456789abcdef" for char in text if char.isalnum())


def _hexadecimal(char: str) -> str:
    return "0123456789" if char in "0123456789" else "abcdef" if char in "abcdef" else ""


def _alphabet(char: str) -> str:
    if char in "0123456789":
        return "0123456789"
    if char.isalpha() or not char.isascii():
        return "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if char.isupper() else "abcdefghijklmnopqrstuvwxyz"
    return ""
