"""The interface between the operator's port and its clients."""

TOKEN_HEADER = "Taskfleet-Token"
"""The caller's token. The API server's proxy removes the Authorization header."""

AUDIENCE = "taskfleet.dev"
"""The audience of tokens that are created for a query: no other server accepts them."""

PORT = "http"
"""The name of the port, of the container and of the Service."""

CLIENT_ACCOUNT_SUFFIX = "-client"
"""Put behind the operator's name: the ServiceAccount in whose name those ask who have no token of their own."""
