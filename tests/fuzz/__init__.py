"""Fuzzing of the parsers that read what tenants control."""
