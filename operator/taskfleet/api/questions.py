"""What the operator's port and whoever asks it agree on."""

TOKEN_HEADER = "Taskfleet-Token"
"""A token of whoever asks. The API server's proxy takes the Authorization header away."""

AUDIENCE = "taskfleet.dev"
"""Of tokens that are made for the question: nobody else takes them."""

PORT = "http"
"""The name of the port, of the container and of the Service."""

CLIENT_ACCOUNT_SUFFIX = "-client"
"""Put behind the operator's name: the ServiceAccount in whose name those ask who have no token of their own."""
