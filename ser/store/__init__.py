"""What is computed of clips, as it lies on disk."""
