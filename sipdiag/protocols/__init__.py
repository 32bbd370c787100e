"""Bytes in, message or None out. Nothing here raises on content: what is wrong is a ``Defect``.

Wire text is decoded as UTF-8 with ``surrogateescape``, which loses nothing; it is escaped only
by the renderers (``sipdiag.report.safe``).
"""
