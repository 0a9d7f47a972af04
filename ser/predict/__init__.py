"""Answers for recordings that no corpus holds: `ser.load().predict("my.wav")`."""
