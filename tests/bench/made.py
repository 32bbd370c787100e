"""The captures that are measured, made the same every time."""

from __future__ import annotations

from pathlib import Path

from sipdiag.crafting.scenario import Scenario


def media_heavy(path: Path, calls: int) -> None:
    """Calls of 20 s, one after another: about 2000 RTP packets each."""
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    for number in range(calls):
        s.at(number * 30)
        s.register(phone)
        s.call(phone, talk_s=20)
    s.write(path)


def signalling_heavy(path: Path, phones: int, cycles: int) -> None:
    """Phones that register, are pinged and called, without media."""
    s = Scenario()
    everyone = [
        s.sip_phone(
            str(1000 + n),
            inner=f"192.168.{n // 200}.{n % 200 + 1}",
            outer=f"203.0.{113 + n // 200}.{n % 200 + 1}",
        )
        for n in range(phones)
    ]
    for cycle in range(cycles):
        for n, phone in enumerate(everyone):
            s.at(cycle * 60 + n * 50 / phones)
            s.register(phone)
            s.options(phone)
            s.call(phone, talk_s=1, media="none")
    s.write(path)
