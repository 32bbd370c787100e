"""The lab: real Asterisk, real phones and the kernel's own NAT in network namespaces.

It makes the captures under ``captures/`` and re-makes them for the tests marked ``lab``. Nothing
here imports ``sipdiag`` (save the tests): what it measures does not rest on what it tests.
"""
