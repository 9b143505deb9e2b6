"""What the API server can answer instead of an object. A class only where a caller acts differently."""


class ApiError(Exception):
    """The API server refused or failed; `status` is the HTTP code, 0 where no answer came."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class ConflictError(ApiError):
    """Another client wrote first (409): read again, then decide again."""


class InvalidError(ApiError):
    """The object is not acceptable (400, 422): only a change of the spec cures it."""


class DeniedError(ApiError):
    """A policy, a webhook, a quota or a missing permission denies it; an administrator can change that."""


class InvalidNameError(InvalidError):
    """No object can have this name, so the API server was not asked."""

    def __init__(self, plural: str, name: str) -> None:
        message = (
            f"{name[:80]!r} is not a valid name of {plural}: use lower-case letters, digits, - "
            "and . only, starting and ending with a letter or digit."
        )
        super().__init__(422, "InvalidName", message)


class LeaseLostError(Exception):
    """This process leads no longer, so it must write nothing."""


class NameConflictError(Exception):
    """A child's name is taken by an object that we do not control."""

    def __init__(self, kind: str, name: str, why: str) -> None:
        super().__init__(f"{kind} {name!r} already exists and does not belong to this object: {why}")
        self.kind = kind
        self.name = name
