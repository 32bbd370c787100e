"""Headers for the tests, written for them: shaped like Asterisk's iax2.h, in other words."""

from __future__ import annotations

OLD = "channels/iax2.h"
NEW = "channels/iax2/include/iax2.h"

_TOP = """\
/* A header for tests. Same shape as the one it stands for, other words. */
#ifndef {guard}
#define {guard}

#define IAX_PROTO_VERSION   2
#define IAX_MAX_CALLS   32768
#define IAX_FLAG_FULL\t0x8000

"""
_COMMANDS = """\
#define IAX_COMMAND_NEW     1
#define IAX_COMMAND_REGREQ  13
#define IAX_COMMAND_REGACK  15
"""
_ENUM = """\
enum iax_test_command {
\tIAX_COMMAND_NEW = 1,
\t/*! don't count on it: "60" */
\tIAX_COMMAND_REGREQ = 13,
};
"""
_BOTTOM = """\

#define IAX_LINGER_TIMEOUT\t\t10 /* a neighbour */

#define IAX_DEFAULT_PORTNO\t\t4569

#define IAX_IE_CALLED_NUMBER\t\t1
#define IAX_IE_USERNAME\t\t\t6
#define IAX_IE_REFRESH\t\t\t19\t/* seconds, 16 bits */

struct test_full_hdr {
\tunsigned short scallno;
} __attribute__ ((__packed__));

#endif /* the end */
"""

COMMENTED = "#define IAX_DEFAULT_REG_EXPIRE  60\t/* once a minute, in a test's words */\n"
TAB = "/*! once a minute, in a test's words */\n#define IAX_DEFAULT_REG_EXPIRE  60\t\n"
PLAIN = "/*! once a minute, in a test's words */\n#define IAX_DEFAULT_REG_EXPIRE  60\n"


def header(lines: str = PLAIN, guard: str = "TEST_IAX2_H", *, old: bool = False) -> bytes:
    """A whole header with these lines for the define."""
    commands = _COMMANDS if old else _ENUM
    return (_TOP.format(guard=guard) + commands + "\n" + lines + _BOTTOM).encode()


SHAPES: dict[str, tuple[str, bytes]] = {
    "0.4.0 to 1.4.44": (OLD, header(COMMENTED, old=True)),
    "1.6.0-beta1, trailing tab": (OLD, header(TAB)),
    "1.6.0.11 to 11.25": (OLD, header(PLAIN)),
    "12.0.0 to 23": (NEW, header(PLAIN)),
    "CRLF": (NEW, header(PLAIN).replace(b"\n", b"\r\n")),
    "CRLF, trailing tab": (OLD, header(TAB).replace(b"\n", b"\r\n")),
    "no final newline": (NEW, header(PLAIN).rstrip(b"\n")),
    "CRLF, no final newline": (NEW, header(PLAIN).replace(b"\n", b"\r\n").removesuffix(b"\r\n")),
    "define last, no final newline": (
        NEW,
        header("").replace(b"TEST_IAX2_H", b"UNUSED").replace(b"#ifndef UNUSED\n", b"")
        .replace(b"#endif /* the end */\n", b"#define IAX_DEFAULT_REG_EXPIRE  60"),
    ),
    "define first": (
        NEW,
        b"#define IAX_DEFAULT_REG_EXPIRE  60\n"
        + header("").replace(b"#ifndef TEST_IAX2_H\n", b"").replace(b"#endif /* the end */\n", b""),
    ),
    "bytes that are no UTF-8": (OLD, header(COMMENTED).replace(b"a neighbour", b"voisin\xe9\xff")),
}  # fmt: skip
"""By what they stand for: the path in the tree, and the file."""
