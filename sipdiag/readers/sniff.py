"""What an input is that isn't a capture, told from its first bytes, for one clear line.

Contract: ``refuse`` takes the first 64 bytes or more and gives the rest of a sentence;
``may_be_capture`` tells whether another reader may make more of it. Neither raises.
"""

from __future__ import annotations

_TSHARK = "a capture format that isn't read here; --reader tshark may"

_KNOWN: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", "is a PNG image; it is not a capture"),
    (b"\xff\xd8\xff", "is a JPEG image; it is not a capture"),
    (b"GIF8", "is a GIF image; it is not a capture"),
    (b"\x7fELF", "is an ELF program; it is not a capture"),
    (b"MZ", "is a Windows program; it is not a capture"),
    (b"%PDF-", "is a PDF document; it is not a capture"),
    (b"PK\x03\x04", "is a zip archive; unpack it first"),
    (b"PK\x05\x06", "is an empty zip archive; it is not a capture"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
    (b"Rar!\x1a\x07", "is a rar archive; unpack it first"),
    (b"BZh", "is compressed with bzip2; unpack it first (bunzip2)"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it first (unzstd)"),
    (b"\x04\x22\x4d\x18", "is compressed with lz4; unpack it first (unlz4)"),
    (b"\x1f\x8b", "is compressed twice; unpack it once first"),
    (b"\xfd7zXZ\x00", "is compressed twice; unpack it once first"),
    (b"SQLite format 3\x00", "is an SQLite database; it is not a capture"),
    (b"RIFF", "is a sound or video file; it is not a capture"),
    (b"snoop\x00\x00\x00", f"is a Solaris snoop capture, {_TSHARK}"),
    (b"XCP\x00", f"is a Network Sniffer (Windows) capture, {_TSHARK}"),
    (b"GMBU", f"is a Microsoft Network Monitor capture, {_TSHARK}"),
    (b"RTSS", f"is a Microsoft Network Monitor capture, {_TSHARK}"),
    (b"TRSNIFF data", f"is a Sniffer capture, {_TSHARK}"),
    (b"\xa1\xb2\xc3\xd5", f"is a pcap variant, {_TSHARK}"),
    (b"btsnoop\x00", f"is a Bluetooth capture, {_TSHARK}"),
)

_TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D, 0x1B}


def looks_like_text(head: bytes) -> bool:
    """Whether these bytes are the beginning of a text in ASCII, UTF-8 or UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut off at the end of what was looked at.
        if error.start < len(head) - 3:
            return False
    return all(byte in _TEXT or byte >= 0x80 for byte in head)


def may_be_capture(head: bytes) -> bool:
    """Whether tshark should be asked: it opens images and texts too, as "MIME files"."""
    for magic, what in _KNOWN:
        if head.startswith(magic):
            return _TSHARK in what
    return not looks_like_text(head)


def refuse(head: bytes) -> str:
    """Why an input that begins with ``head`` isn't a capture."""
    for magic, what in _KNOWN:
        if head.startswith(magic):
            return what
    if len(head) > 262 and head[257:262] == b"ustar":
        return "is a tar archive; unpack it first"
    if looks_like_text(head):
        return "looks like text; it is not a capture, nor a log of Asterisk's"
    return f"is not a capture (begins with {head[:4].hex(' ')}, no magic number that is known)"
