"""A protocol and a corpus that do not fit together."""

from ser.core.errors import SerError


class ProtocolMismatchError(SerError):
    """The corpus lacks what a protocol needs; what an assignment raises follows "because"."""
