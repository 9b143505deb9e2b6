"""The one way to the API server, and what is remembered of it."""
