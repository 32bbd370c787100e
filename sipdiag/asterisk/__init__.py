"""What Asterisk is, as data: how it is recognised, and the settings it has in which version."""
