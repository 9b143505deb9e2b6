"""A container registry for tests, on a free port of the loopback interface: OCI's distribution specification."""

from tests.tools.registry.server import Registry

__all__ = ["Registry"]
