"""YAML text to plain data, with the line of every key and value, and every trap reported.

Built from parser events, iteratively: no recursion, no alias expansion, bounded size and depth, so that
hostile files end in an error, not in a hang. Python objects cannot be constructed: tags are refused.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from inferstack.errors import InputError, Problem
from inferstack.plain_yaml import LOADER
from inferstack.spec.scalars import resolve

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 24
MAX_PROBLEMS: Final = 50
"""Of the YAML itself; aliases come in thousands."""
DocPath = tuple[str | int, ...]
"""Keys and list indexes from the root of a document."""

_CONTROL: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML mapping: plain data, and where each part stands."""

    file: str
    data: dict[str, Any]
    lines: dict[DocPath, int]
    """Line of each key, or list element; ``()`` is the document's first line."""
    texts: dict[DocPath, str]
    """Text of each unquoted scalar, as written."""
    problems: tuple[Problem, ...]
    """What is wrong with the YAML itself, beyond what stops reading."""

    def line(self, path: DocPath) -> int:
        """Line of ``path``, or of the nearest part above it that exists."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def dotted(path: DocPath) -> str | None:
    """``("fallback", 0, "on")`` as ``fallback[0].on``; None for the root."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in path)
    return text.removeprefix(".") or None


def printable(text: str, *, limit: int = 60) -> str:
    """``text`` without what a terminal would act on, shortened to ``limit`` characters."""
    clean = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def decode(raw: bytes, *, file: str) -> str:
    """Text of a file; InputError when it is too large, binary, or not UTF-8."""
    if len(raw) > MAX_BYTES:
        size = f"{len(raw):,} bytes"
        raise InputError(
            Problem(message="the file is too large", file=file, value=size, accepted="at most 1 MiB")
        )
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(Problem(message="UTF-16 text", file=file, line=1, accepted="UTF-8 text"))
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 text (byte 0x{raw[error.start]:02x})"
        raise InputError(Problem(message=message, file=file, line=line, accepted="UTF-8 text")) from None


def read(text: str, *, file: str) -> Document:
    """Parse one mapping; InputError when the text is not one YAML document with a mapping at its top."""
    odd = _CONTROL.search(text)
    if odd is not None:
        line = text.count("\n", 0, odd.start()) + 1
        message = f"a control character (U+{ord(odd[0]):04X}); is this a text file?"
        raise InputError(Problem(message=message, file=file, line=line, accepted="UTF-8 text"))
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        raise InputError(_syntax(error, text, file)) from None
    return builder.document()


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", None) or "not readable")
    if mark is None:
        return Problem(message=f"not valid YAML: {said}", file=file)
    lines = text.split("\n")
    content = lines[mark.line] if mark.line < len(lines) else ""
    message, accepted = f"not valid YAML: {said}", None
    if (
        "\t" in content[: len(content) - len(content.lstrip())]
        or content[mark.column : mark.column + 1] == "\t"
    ):
        message, accepted = "a tab: YAML is indented with spaces", "two spaces per level"
    elif "mapping values are not allowed" in said:
        accepted = "one `key: value` a line; quotes around text with a colon"
    elif "could not find expected ':'" in said:
        accepted = "`key: value`, with a space after the colon"
    shown = printable(content.strip()) or None
    return Problem(message=message, file=file, line=mark.line + 1, value=shown, accepted=accepted)


@dataclass(slots=True)
class _Frame:
    """A mapping or list under construction; ``key`` is the key whose value comes next."""

    container: dict[str, Any] | list[Any]
    path: DocPath
    line: int
    key: str | None = None
    first: dict[str, int] = field(default_factory=dict)
    """Line of each key's first use."""


class _Builder:
    """Takes parser events in order; holds the open containers on a stack."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Any = None
        self.documents = 0
        self.stack: list[_Frame] = []
        self.lines: dict[DocPath, int] = {(): 1}
        self.texts: dict[DocPath, str] = {}
        self.problems: list[Problem] = []

    def document(self) -> Document:
        if self.documents == 0 or self.root is None:
            raise InputError(
                Problem(
                    message="the file is empty",
                    file=self.file,
                    line=1,
                    accepted="a mapping: apiVersion, kind, name, ...",
                )
            )
        if not isinstance(self.root, dict):
            kind = "a list" if isinstance(self.root, list) else "a single value"
            accepted = "a mapping: apiVersion, kind, name, ..."
            raise InputError(
                Problem(message=f"{kind} at the top", file=self.file, line=self.lines[()], accepted=accepted)
            )
        return Document(self.file, self.root, self.lines, self.texts, tuple(self.problems))

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._start_document(line)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, line)

    def _start_document(self, line: int) -> None:
        self.documents += 1
        if self.documents > 1:
            message = "a second document (---) in the file"
            raise InputError(
                Problem(message=message, file=self.file, line=line, accepted="one document a file")
            )

    def _complain(
        self, message: str, *, line: int, path: DocPath, value: str | None = None, accepted: str
    ) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            return
        self.problems.append(
            Problem(
                message=message, file=self.file, line=line, path=dotted(path), value=value, accepted=accepted
            )
        )

    def _next_path(self) -> DocPath:
        if not self.stack:
            return ()
        frame = self.stack[-1]
        return (*frame.path, len(frame.container) if isinstance(frame.container, list) else frame.key or "")

    def _expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].container, dict) and self.stack[-1].key is None

    def _place(self, value: Any, line: int) -> DocPath:
        """Put a finished scalar or a fresh container where it belongs; its path."""
        path = self._next_path()
        if not self.stack:
            self.root = value
            self.lines[()] = line
            return path
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            self.lines.setdefault(path, line)
            frame.container.append(value)
        else:
            assert frame.key is not None
            if frame.key not in frame.container:  # of duplicate keys, the first counts
                frame.container[frame.key] = value
            frame.key = None
        return path

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._refuse_decoration(event, line)
        plain = event.style is None or event.style == ""
        if self._expects_key():
            self._key(event.value, plain=plain, line=line)
            return
        value, trap = resolve(event.value) if plain else (event.value, None)
        path = self._place(value, line)
        if plain:
            self.texts.setdefault(path, event.value)
        if trap is not None:
            self._complain(
                trap.message, line=line, path=path, value=printable(event.value), accepted=trap.accepted
            )

    def _key(self, text: str, *, plain: bool, line: int) -> None:
        frame = self.stack[-1]
        path = (*frame.path, text)
        value = resolve(text)[0] if plain else text
        if not isinstance(value, str):
            shown = printable(text) or "nothing"
            self._complain(
                "a key that is not text", line=line, path=path, value=shown, accepted="quotes around it"
            )
        if text in frame.first:
            message = f"the key stands twice, first on line {frame.first[text]}"
            self._complain(message, line=line, path=path, accepted="each key once")
        else:
            frame.first[text] = line
            self.lines.setdefault(path, line)
        frame.key = text

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        if self._expects_key():
            accepted = "text before the colon; quotes around text that starts with { or ["
            raise InputError(
                Problem(message="a key that is not text", file=self.file, line=line, accepted=accepted)
            )
        if len(self.stack) >= MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} levels deep"
            raise InputError(Problem(message=message, file=self.file, line=line))
        self._refuse_decoration(event, line)
        container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._place(container, line)
        self.stack.append(_Frame(container, path, line))

    def _alias(self, event: yaml.AliasEvent, line: int) -> None:
        accepted = "the value itself; anchors, aliases and merge keys are not used"
        if self._expects_key():
            message = "an alias as a key"
            raise InputError(Problem(message=message, file=self.file, line=line, accepted=accepted))
        path = self._place(None, line)
        self._complain(
            "an alias", line=line, path=path, value=printable(f"*{event.anchor}"), accepted=accepted
        )

    def _refuse_decoration(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
        """Anchors and tags: reported, and otherwise read as if they were not there."""
        path = self._next_path()
        if event.anchor is not None:
            accepted = "the value itself; anchors, aliases and merge keys are not used"
            self._complain(
                "an anchor", line=line, path=path, value=printable(f"&{event.anchor}"), accepted=accepted
            )
        if event.tag is not None:
            accepted = "no tag; quotes around text"
            self._complain("a YAML tag", line=line, path=path, value=printable(event.tag), accepted=accepted)
