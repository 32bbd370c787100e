"""Tests of the readers, on packets built here byte by byte."""
