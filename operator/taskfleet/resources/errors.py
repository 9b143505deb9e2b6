"""What a builder raises when the user's spec cannot be built."""


class SpecError(ValueError):
    """Only a change of the spec helps: the message names the field and what to do (condition Stalled)."""
