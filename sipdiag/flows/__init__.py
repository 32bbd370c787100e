"""Datagrams in, subjects out: transactions, registrations, calls, bindings, and their pairing.

Time comes only from the datagrams. What is recorded is what was seen; what it means is for
``sipdiag.findings``.
"""
