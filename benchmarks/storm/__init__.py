"""A storm of hostile input, kills and tampered files: `python -m benchmarks.storm`.

Whether a case is to be accepted is known from how it was made, not from what the code says of it.
"""
