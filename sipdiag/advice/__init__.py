"""From findings to settings: how often to refresh, and what to write in which file."""

from sipdiag.advice.plan import Recommendation, Target
from sipdiag.advice.recommend import recommend
from sipdiag.advice.refresh import RefreshInterval, refresh_interval
from sipdiag.advice.whatif import Outlook, outlooks, recommended, seen_of

__all__ = [
    "Outlook",
    "Recommendation",
    "RefreshInterval",
    "Target",
    "outlooks",
    "recommend",
    "recommended",
    "refresh_interval",
    "seen_of",
]
