"""What the calls of a transport raise."""


class BrokerError(Exception):
    """A broker has not done what it was asked to, or nobody knows whether it has."""
