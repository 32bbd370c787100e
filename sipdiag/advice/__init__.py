"""From findings to settings: how often to refresh, and what to write in which file."""

from sipdiag.advice.plan import Recommendation, Target
from sipdiag.advice.recommend import recommend
from sipdiag.advice.refresh import RefreshInterval, refresh_interval

__all__ = ["Recommendation", "RefreshInterval", "Target", "recommend", "refresh_interval"]
