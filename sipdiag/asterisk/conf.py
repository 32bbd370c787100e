"""Asterisk's own ``*.conf`` files, read as Asterisk reads them, with every option's place kept.

Follows main/config.c (16 and 22: ``config_text_file_load``, ``process_text_line``). Nothing raises
on content: what is wrong is a ``ConfDefect``; where Asterisk would refuse the whole file, reading
goes on behind the line, and the defect says so. A place is a file's name in the configuration
directory and a line from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sipdiag.asterisk.conf_files import ConfDir, ConfFile, Outside, Unreadable
from sipdiag.asterisk.conf_line import Header, Include, Option, parse_line, uncomment
from sipdiag.asterisk.conf_match import matches

_MOST_LEVELS = 10
"""Includes within includes (config.c: MAX_INCLUDE_LEVEL)."""

_MOST_FILES = 1000
"""Files read for one configuration; an include can be named any number of times."""

_MOST_BYTES = 16 * 1024 * 1024
"""Read for one configuration, a file counted as often as it is included: twice the largest file."""

_MOST_SETTINGS = 200_000
"""Settings of one configuration, inherited ones counted: templates that inherit each other twice
double with every level."""

_MOST_DEFECTS = 200


class Place(NamedTuple):
    """A line (from 1) of a file (its name in the configuration directory)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class ConfDefect(NamedTuple):
    """What is wrong. ``refused``: Asterisk doesn't take the file, all of it. No text of the file
    is repeated, as that may be a secret."""

    code: str
    text: str
    place: Place
    refused: bool = False


class Setting(NamedTuple):
    """One option as it counts in one section."""

    name: str
    value: str
    """Bytes that are no UTF-8 as surrogates."""
    place: Place
    span: tuple[int, int]
    """Where the value stands in its line, in bytes from 0."""
    origin: str | None = None
    """The section whose line it is, where it was inherited from one."""
    appended: bool = False
    """``+=``: the line holds only the value's end."""


@dataclass(slots=True, eq=False)
class Section:
    """One section, with what it inherits. ``settings`` in Asterisk's order: of most options the
    last counts."""

    name: str
    place: Place
    template: bool = False
    parents: list[str] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    heads: list[Place] = field(default_factory=list)
    """Its header's place, and of each ``(+)`` that adds to it."""

    def all(self, name: str) -> list[Setting]:
        """Every setting of an option, in order; names without regard to case."""
        name = name.lower()
        return [s for s in self.settings if s.name.lower() == name]

    def last(self, *names: str) -> Setting | None:
        """The last setting of an option, or of one of several names for it."""
        wanted = {name.lower() for name in names}
        return next((s for s in reversed(self.settings) if s.name.lower() in wanted), None)

    def first(self, name: str) -> Setting | None:
        """The first one (``ast_variable_retrieve``: how chan_sip reads a section's type)."""
        found = self.all(name)
        return found[0] if found else None


@dataclass(slots=True, eq=False)
class Config:
    """One ``*.conf`` and all that it includes. ``files`` in order of their first reading."""

    name: str
    sections: list[Section] = field(default_factory=list)
    files: dict[str, ConfFile] = field(default_factory=dict)
    defects: list[ConfDefect] = field(default_factory=list)

    @property
    def refused(self) -> ConfDefect | None:
        """The first line for which Asterisk refuses the file."""
        return next((d for d in self.defects if d.refused), None)

    def note(self, defect: ConfDefect) -> None:
        """Adds a defect, up to a bound."""
        if len(self.defects) < _MOST_DEFECTS:
            self.defects.append(defect)

    def named(self, name: str) -> list[Section]:
        """The sections of a name that are no templates."""
        return [s for s in self.sections if s.name.lower() == name.lower() and not s.template]

    def first(self, name: str) -> Section | None:
        """The one that Asterisk means by a name alone."""
        found = self.named(name)
        return found[0] if found else None


def load(folder: ConfDir, name: str) -> Config | None:
    """Reads ``name`` and what it includes; None where there is no such file."""
    if not folder.exists(name):
        return None
    reader = _Reader(folder, Config(name))
    reader.read(name, 1, Place(name, 0), required=True)
    return reader.config


class _Reader:
    def __init__(self, folder: ConfDir, config: Config) -> None:
        self._folder, self.config = folder, config
        self._current: Section | None = None
        """What an included file's first lines belong to."""
        self._named: dict[str, list[Section]] = {}
        self._open: list[str] = []
        """The files being read, each included by the one before it."""
        self._files = self._bytes = self._settings = 0

    def read(self, name: str, level: int, asked: Place, *, required: bool) -> None:
        """One file, or all that a pattern names."""
        if level > _MOST_LEVELS:
            text = f"includes go deeper than {_MOST_LEVELS} levels"
            self._defect("include-depth", text, asked, refused=required)
            return
        names, outside = self._folder.names(name)
        section, depth, found = self._current, 0, 0
        for each in names:
            if self._files >= _MOST_FILES or self._bytes > _MOST_BYTES:
                self._defect("include-count", "too many files are included", asked, refused=False)
                return
            self._files += 1
            if each in self._open:
                text = "the file includes itself, directly or through others"
                self._defect("include-loop", text, asked, refused=required)
                found += 1
                continue
            try:
                file = self._folder.read(each)
            except Outside:
                outside = True
                continue
            except Unreadable as error:
                self._defect("unreadable", f"{each}: {error}", asked)
                found += 1
                continue
            found += 1
            self.config.files.setdefault(file.name, file)
            self._bytes += len(file.data)
            self._open.append(each)
            section, depth = self._file(file, level, section, depth)
            self._open.pop()
        if outside:
            text = "it names a file outside of the configuration directory, which isn't read"
            self._defect("outside", text, asked)
        elif not found and required:
            text = "the file that it includes isn't there"
            self._defect("include-missing", text, asked, refused=True)

    def _file(
        self, file: ConfFile, level: int, section: Section | None, depth: int
    ) -> tuple[Section | None, int]:
        for number, raw in enumerate(file.lines, 1):
            place = Place(file.name, number)
            if raw is None:
                self._defect("line-long", "the line is too long: Asterisk skips it", place)
                continue
            before = depth
            text, columns, depth = uncomment(raw, depth, first=number == 1)
            if depth < 0 <= before:
                text_ = "--; without ;-- before it: Asterisk takes what follows for a comment"
                self._defect("comment-end", text_, place)
            if text is None:
                continue
            section = self._line(text, columns, place, level, section)
        if depth > 0:
            self._defect("comment-open", "a ;-- comment isn't ended", Place(file.name, number))
        return section, depth

    def _line(
        self, text: bytes, columns: Sequence[int], place: Place, level: int, section: Section | None
    ) -> Section | None:
        parsed = parse_line(text, columns)
        if parsed is None:
            return section
        if isinstance(parsed, Header):
            return self._header(parsed, place, section)
        if isinstance(parsed, Include):
            self._include(parsed, place, level)
            return section
        if isinstance(parsed, Option):
            self._option(parsed, place, section)
            return section
        self._defect(parsed.code, parsed.text, place, refused=parsed.refused)
        return section

    def _header(self, header: Header, place: Place, section: Section | None) -> Section | None:
        new = Section(header.name, place, heads=[place])
        target = new
        for word in header.words:
            if word == "!":
                target.template = True
            elif word.startswith("+"):
                found = self._find(header.name, word[1:], "&", place)
                if found is None:
                    text = "(+) adds to a section that isn't there"
                    self._defect("append-missing", text, place, refused=True)
                    return section
                if target is new:
                    found.template |= new.template
                    found.settings += new.settings
                    found.parents += new.parents
                    found.heads.append(place)
                    target = found
            else:
                base = self._find(word, "TEMPLATES=include", ",", place)
                if base is None:
                    text = "it inherits from a section that isn't there"
                    self._defect("parent-missing", text, place, refused=True)
                    return section
                self._inherit(target, base, place)
        if target is new:
            self.config.sections.append(new)
            self._named.setdefault(new.name.lower(), []).append(new)
        self._current = target
        return target

    def _find(self, name: str, condition: str, joined: str, place: Place) -> Section | None:
        """``category_get_sep``: the first section of that name that meets the condition. With no
        condition a template isn't meant since 13; before, it was."""
        wanted = self._named.get(name.lower(), [])
        found = next((s for s in wanted if matches(s, condition, joined)), None)
        if found is None and not condition and wanted:
            text = "(+) adds to a template: Asterisk 13 and later want (+TEMPLATES=include)"
            self._defect("append-template", text, place, refused=True)
            return wanted[0]
        return found

    def _inherit(self, target: Section, base: Section, place: Place) -> None:
        target.parents.append(base.name)
        inherited = [s._replace(origin=s.origin or base.name) for s in base.settings]
        self._settings += len(inherited)
        if self._settings > _MOST_SETTINGS:
            self._defect("settings-count", "too many settings are inherited", place)
            return
        target.settings += inherited

    def _include(self, include: Include, place: Place, level: int) -> None:
        if include.kind == "exec":
            text = "#exec is never run here: what it would add isn't seen"
            self._defect("exec", text, place)
            return
        self.read(include.name, level + 1, place, required=include.kind == "include")

    def _option(self, option: Option, place: Place, section: Section | None) -> None:
        if section is None:
            self._defect("no-section", "an option before any section", place, refused=True)
            return
        self._settings += 1
        if self._settings > _MOST_SETTINGS:
            self._defect("settings-count", "too many settings", place)
            return
        setting = Setting(option.name, option.value, place, option.span)
        if option.appending:
            numbers = [n for n, s in enumerate(section.settings) if s.name == option.name]
            if numbers:
                old = section.settings[numbers[-1]]
                value = (old.value + option.raw_value).strip()
                section.settings[numbers[-1]] = setting._replace(value=value, appended=True)
                return
        section.settings.append(setting)

    def _defect(self, code: str, text: str, place: Place, *, refused: bool = False) -> None:
        self.config.note(ConfDefect(code, text, place, refused))
