"""The networks, one file each, and how they are stored."""
