"""Speech emotion recognition with honest numbers: the library that the stages call."""
