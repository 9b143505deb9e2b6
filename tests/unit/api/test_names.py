"""What may stand for an object's name."""

import re
import time

import pytest

from taskfleet.api.names import MAX_NAME, NAME_PATTERN, is_object_name
from tests.tools.hostile_names import HOSTILE_NAMES

PLAIN = ("a", "0", "mail", "mail-1", "a--b", "kube-root-ca.crt", "a.b.c", "1.2", "a" * MAX_NAME)


@pytest.mark.parametrize("name", PLAIN)
def test_a_dns_subdomain_is_a_name(name: str) -> None:
    assert is_object_name(name)


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, ""], ids=ascii)
def test_anything_else_is_no_name(name: str) -> None:
    assert not is_object_name(name)


@pytest.mark.parametrize("name", [*PLAIN, *HOSTILE_NAMES], ids=ascii)
def test_the_rule_of_the_crds_says_the_same(name: str) -> None:
    """CEL's `matches` has no special case for a last newline, as Python's $ has."""
    matches = re.search(NAME_PATTERN.replace("$", r"\Z"), name) is not None
    assert (matches and len(name) <= MAX_NAME) == is_object_name(name)


@pytest.mark.parametrize("bait", ["a-" * 126 + "!", "a" * 252 + "!", "a." * 126 + "!", "-" * 253])
def test_a_long_bait_is_refused_at_once(bait: str) -> None:
    began = time.perf_counter()
    assert not any(is_object_name(bait) for _ in range(100))
    assert time.perf_counter() - began < 1
