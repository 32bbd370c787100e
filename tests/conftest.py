"""What tests share. Hypothesis tries the same examples each time, on a slow machine too.

New examples are the fuzzers' business (``make fuzz``).
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "same-each-time",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same-each-time")
