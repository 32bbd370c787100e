"""The settings that sipdiag recommends, each as Asterisk has it.

Checked against the option tables of chan_sip.c (16.28), res_pjsip/pjsip_configuration.c and
location.c (22), chan_iax2.c (22). Units differ between drivers for the same idea.
"""

from __future__ import annotations

from typing import NamedTuple


class Option(NamedTuple):
    """One option. ``section`` is a template: ``{peer}`` is the peer's or endpoint's name. What
    stands in angle brackets in it is for the administrator to fill in: packets don't show it."""

    where: str
    """``chan_sip``, ``pjsip`` or ``iax2``."""
    file: str
    section: str
    name: str
    unit: str | None
    default: str
    reload: str
    """The CLI command that makes Asterisk read it again."""


def _sip(section: str, name: str, unit: str | None, default: str) -> Option:
    return Option("chan_sip", "sip.conf", section, name, unit, default, "sip reload")


def _pjsip(kind: str, name: str, unit: str | None, default: str) -> Option:
    holder = "<transport>" if kind == "transport" else "{peer}"
    section = f"[{holder}] type={kind}"
    return Option("pjsip", "pjsip.conf", section, name, unit, default, "pjsip reload")


def _iax2(section: str, name: str, unit: str | None, default: str) -> Option:
    return Option("iax2", "iax.conf", section, name, unit, default, "iax2 reload")


_PEER, _GENERAL = "[{peer}]", "[general]"

OPTIONS: dict[tuple[str, str], Option] = {
    (option.where, option.name): option
    for option in (
        _sip(_PEER, "nat", None, "auto_force_rport"),
        _sip(_PEER, "qualify", None, "no"),
        _sip(_PEER, "qualifyfreq", "s", "60"),
        _sip(_GENERAL, "minexpiry", "s", "60"),
        _sip(_GENERAL, "maxexpiry", "s", "3600"),
        _sip(_PEER, "directmedia", None, "yes"),
        _sip(_GENERAL, "externaddr", None, "unset"),
        _sip(_GENERAL, "localnet", None, "none"),
        _sip(_PEER, "secret", None, "unset"),
        _sip(_GENERAL, "udpbindaddr", None, "0.0.0.0:5060"),
        _pjsip("endpoint", "force_rport", None, "yes"),
        _pjsip("endpoint", "rewrite_contact", None, "no"),
        _pjsip("endpoint", "rtp_symmetric", None, "no"),
        _pjsip("endpoint", "direct_media", None, "yes"),
        _pjsip("endpoint", "transport", None, "unset"),
        _pjsip("aor", "qualify_frequency", "s", "0"),
        _pjsip("aor", "minimum_expiration", "s", "60"),
        _pjsip("aor", "maximum_expiration", "s", "7200"),
        _pjsip("aor", "max_contacts", None, "0"),
        _pjsip("aor", "remove_existing", None, "no"),
        _pjsip("transport", "external_media_address", None, "unset"),
        _pjsip("transport", "external_signaling_address", None, "unset"),
        _pjsip("transport", "local_net", None, "none"),
        _pjsip("auth", "password", None, "unset"),
        _iax2(_PEER, "qualify", None, "no"),
        _iax2(_PEER, "qualifyfreqok", "ms", "60000"),
        _iax2(_GENERAL, "minregexpire", "s", "60"),
        _iax2(_GENERAL, "maxregexpire", "s", "60"),
        _iax2(_PEER, "secret", None, "unset"),
        _iax2(_PEER, "requirecalltoken", None, "yes"),
    )
}
"""By (where, name)."""
