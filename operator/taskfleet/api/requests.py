"""What the answers to users' requests have in common."""

from typing import Annotated

from taskfleet.api.schema import Limits

MAX_USER = 256
UserName = Annotated[str, Limits(maxLength=MAX_USER)]
"""Who made a request, as its client says; the chart's requestPolicy makes sure that it is true."""
