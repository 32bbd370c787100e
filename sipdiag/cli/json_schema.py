"""The JSON Schema (draft 2020-12) of all that sipdiag writes as JSON, from the types it is made of.

Contract: ``schema`` is pure. Closed sets of words are named as such; objects may have further
fields, as later versions within ``sipdiag/1`` may add some. What must be there is required.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from sipdiag.advice.whatif_seen import Answer
from sipdiag.base.datagram import Vantage
from sipdiag.cli.doctor_checks import Area, Check
from sipdiag.findings.model import Confidence, Severity
from sipdiag.live.model import Counters, PeerState
from sipdiag.report.model import SCHEMA, AdviseInfo, FindingInfo, Report

Json = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ID = "urn:sipdiag:schema:sipdiag/1"

_TIME: Json = {"type": "string", "format": "date-time"}
_ANSWER = [answer.value for answer in Answer]
_CONFIDENCE = [confidence.word for confidence in Confidence]

_CLOSED: dict[str, list[str]] = {
    "SourceInfo.vantage": [vantage.value for vantage in Vantage],
    "VerdictInfo.confidence": _CONFIDENCE,
    "FindingInfo.severity": [severity.word for severity in Severity],
    "FindingInfo.confidence": _CONFIDENCE,
    "EvidenceInfo.role": ["primary", "supports", "contrast", "baseline"],
    "KeepaliveInfo.by": ["client", "pbx"],
    "OutlookInfo.reply": _ANSWER,
    "OutlookInfo.request": _ANSWER,
    "OutlookInfo.audio": _ANSWER,
    "OutlookInfo.binding": _ANSWER,
    "OutlookInfo.inward": _ANSWER,
    "OutlookInfo.overall": _ANSWER,
    "RecommendationInfo.where": ["chan_sip", "pjsip", "iax2", "phone", "router"],
}
"""Fields whose text is one of these words."""

_CODES = {"FindingInfo.code", "UndeterminedInfo.code"}
_TIMES = {"SourceInfo.first", "SourceInfo.last", "SideInfo.time"}
_SHARES = {
    "ReachableInfo.alive_share",
    "ReachableInfo.dead_share",
    "ReachableInfo.unknown_share",
}
_BASES: dict[object, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    object: {},
}


def schema() -> Json:
    """The schema as an object. The root takes everything that sipdiag writes as JSON: what has no
    ``type`` is a report; live's has one."""
    definitions: dict[str, Json] = {}
    report = _reference(Report, definitions)
    _reference(FindingInfo, definitions)
    definitions["Report"]["properties"]["schema"] = {"const": SCHEMA}
    definitions["Report"]["properties"]["type"] = {"const": "report"}
    definitions["Report"]["properties"]["advise"] = _reference(AdviseInfo, definitions)
    definitions["Report"]["properties"]["tool"] = {
        "type": "object",
        "properties": {"version": {"type": "string"}},
        "required": ["version"],
    }
    lines = {
        "alert": _alert(definitions),
        "snapshot": _snapshot(definitions),
        "doctor": _doctor(definitions),
    }
    then: Json = report
    for kind, described in reversed(lines.items()):
        name = kind.capitalize()
        definitions[name] = described
        then = {
            "if": {"required": ["type"], "properties": {"type": {"const": kind}}},
            "then": {"$ref": f"#/$defs/{name}"},
            "else": then,
        }
    return {
        "$schema": _DRAFT,
        "$id": _ID,
        "title": SCHEMA,
        "description": "What sipdiag writes with --json: a report (compare, analyse, advise; live "
        "at its end), live's alerts and snapshots, what doctor found.",
        "type": "object",
        "required": ["schema"],
        "properties": {"schema": {"const": SCHEMA}},
        **then,
        "$defs": dict(sorted(definitions.items())),
    }


def _reference(kind: type, definitions: dict[str, Json]) -> Json:
    """A reference to the definition of a dataclass, which is made where there is none."""
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}
        hints = typing.get_type_hints(kind)
        assert is_dataclass(kind)
        definitions[name] = _object(
            {
                field.name: _field(f"{name}.{field.name}", hints[field.name], definitions)
                for field in fields(kind)
            },
            kind.__doc__ or "",
        )
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: Json, description: str) -> Json:
    """An object of which all these fields are always written."""
    return {
        "description": " ".join(description.split()).replace("``", "`"),
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _field(path: str, hint: Any, definitions: dict[str, Json]) -> Json:
    """``hint`` as a schema, narrowed by what is known of the field."""
    described = _hinted(hint, definitions)
    narrowed: Json = {}
    if path in _CLOSED:
        narrowed = {"enum": _CLOSED[path]}
    elif path in _CODES:
        narrowed = {"pattern": r"^SD\d{3}$"}
    elif path in _TIMES:
        narrowed = {"format": "date-time"}
    elif path in _SHARES:
        narrowed = {"minimum": 0, "maximum": 1}
    elif path.endswith("_count"):
        narrowed = {"minimum": 0}
    if "enum" in narrowed and "null" in _kinds(described):
        narrowed = {"enum": [*narrowed["enum"], None]}
    return described | narrowed


def _kinds(described: Json) -> Iterable[str]:
    kind = described.get("type", [])
    return [kind] if isinstance(kind, str) else kind


def _hinted(hint: Any, definitions: dict[str, Json]) -> Json:
    """A type as a schema."""
    if hint in _BASES:
        return dict(_BASES[hint])
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return {"enum": [word.value for word in hint]}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (one,) = (_hinted(kind, definitions) for kind in arguments if kind is not type(None))
        if "type" in one:
            return one | {"type": [one["type"], "null"]}
        return {"anyOf": [one, {"type": "null"}]}
    if origin is list:
        return {"type": "array", "items": _hinted(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _hinted(arguments[1], definitions)}
    return _reference(hint, definitions)


def _line(kind: str, properties: Json, description: str) -> Json:
    return _object({"schema": {"const": SCHEMA}, "type": {"const": kind}} | properties, description)


def _alert(definitions: dict[str, Json]) -> Json:
    text_or_none = {"type": ["string", "null"]}
    return _line(
        "alert",
        {
            "time": _TIME,
            "escalated": {"type": "boolean"},
            "peer": text_or_none,
            "frozen": text_or_none,
            "finding": _reference(FindingInfo, definitions),
        },
        "A line of live's: a finding that appeared, or (escalated) that is worse or surer than "
        "when it was last told. peer: the client's key in a snapshot; frozen: the capture of its "
        "last minutes, where one is kept.",
    )


def _snapshot(definitions: dict[str, Json]) -> Json:
    number_or_none = {"type": ["number", "null"]}
    text = {"type": "string"}
    definitions["Peer"] = _object(
        {
            "key": text,
            "protocol": text,
            "user": text,
            "outer": {"type": ["string", "null"]},
            "written": {"type": ["string", "null"]},
            "granted_s": number_or_none,
            "observed_s": number_or_none,
            "last_out": {"type": ["string", "null"], "format": "date-time"},
            "age_s": number_or_none,
            "lifetime": _object(
                {"lower_s": number_or_none, "upper_s": number_or_none},
                "Of its NAT binding, as observed; null: no observation on that side.",
            ),
            "rtt_ms": number_or_none,
            "state": {"enum": [state.value for state in PeerState]},
            "findings": {"type": "array", "items": {"type": "string", "pattern": r"^SD\d{3}$"}},
        },
        "A client at one moment.",
    )
    return _line(
        "snapshot",
        {
            "time": _TIME,
            "started": _TIME,
            "sources": {"type": "array", "items": text},
            "counters": _reference(Counters, definitions),
            "peers": {"type": "array", "items": {"$ref": "#/$defs/Peer"}},
        },
        "A line of live's: everything at one moment.",
    )


def _doctor(definitions: dict[str, Json]) -> Json:
    area = _object(
        {
            "name": {"enum": [area.value for area in Area]},
            "works": {"type": "boolean"},
            "checks": {"type": "array", "items": _reference(Check, definitions)},
        },
        "What a user may want to do.",
    )
    return _line(
        "doctor",
        {"version": {"type": "string"}, "areas": {"type": "array", "items": area}},
        "What doctor found.",
    )
