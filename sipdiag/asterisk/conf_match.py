"""Which section a ``(+name=value&...)`` means (main/config.c:does_category_match)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sipdiag.asterisk.conf import Section

_PLAIN = re.compile(r"\^?[\w .:/@-]*\$?\Z", re.ASCII)
"""Expressions that mean the same to POSIX and to Python and can't take for ever."""


def matches(section: Section, condition: str, joined: str) -> bool:
    """Whether a section meets all of a condition's terms. Without one, whatever is no template."""
    if not condition:
        return not section.template
    template_too = False
    for term in condition.split(joined):
        name, equal, value = (part.strip() for part in term.partition("="))
        if not equal:
            return False
        if name == "TEMPLATES":
            if value.lower() not in ("include", "restrict"):
                return False
            if value.lower() == "restrict" and not section.template:
                return False
            template_too |= section.template
        elif not any(_found(name, s.name) and _found(value, s.value) for s in section.settings):
            return False
    return template_too or not section.template


def _found(expression: str, text: str) -> bool:
    """``regexec`` unanchored. What isn't plain is compared as it stands."""
    if not _PLAIN.match(expression):
        return expression in text
    return re.search(expression, text) is not None
