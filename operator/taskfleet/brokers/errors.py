"""What the calls of a transport raise."""


class BrokerError(Exception):
    """A broker has not done what it was asked to, or it is unknown whether it has."""
