"""What each stage costs at sizes that no corpus here has: `python -m benchmarks.scale`.

Every stage is run in a process of its own on made corpora of growing size; the growth of time,
memory and bytes is fitted, and followed to ten million clips.
"""
