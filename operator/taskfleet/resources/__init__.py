"""Pure builders: a spec in, a Kubernetes object out. One file an object, the worker pod in pieces."""
