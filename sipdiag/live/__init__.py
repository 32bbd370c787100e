"""Watching on the PBX: what is sniffed or logged now, judged as it comes, told as it changes."""
