"""How results say under which protocol they were made."""

# how tables and metrics say that a protocol has no mark
NO_MARK = "none"


def protocol_fields(name: str, mark: str) -> dict[str, str]:
    """What every table of metrics begins with: the name and mark of `ser.splits` protocols."""
    return {"protocol": name, "mark": mark or NO_MARK}
