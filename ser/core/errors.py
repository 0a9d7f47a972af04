"""The one error a user sees: a sentence that says what is wrong, where, and what to do."""


class SerError(Exception):
    """Bad input or an impossible request; its text is shown as it stands, without a traceback."""


class LeakError(SerError):
    """A run that would let test speakers, takes or copies into training or validation."""
