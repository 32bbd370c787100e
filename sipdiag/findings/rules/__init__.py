"""The catalogue: one module a finding, each with a ``RULE``."""
