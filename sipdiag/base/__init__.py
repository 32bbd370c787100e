"""What every other room speaks: endpoints, datagrams, intervals, limits, errors.

Standard library only, and nothing here knows SIP, IAX2 or Asterisk.
"""
