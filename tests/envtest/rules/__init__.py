"""What the API server lets in and what it refuses, one table a kind, one for what they share, and some for
parts of a WorkerPool.
"""

from importlib import import_module

from pydantic.alias_generators import to_snake

from taskfleet.api import KINDS
from tests.envtest.rules import extra_args, own_start, references, result_backend
from tests.envtest.rules.case import Case

CASES: tuple[Case, ...] = (
    *(case for info in KINDS for case in import_module(f"{__name__}.{to_snake(info.kind)}").CASES),
    *references.CASES,
    *extra_args.CASES,
    *own_start.CASES,
    *result_backend.CASES,
)
