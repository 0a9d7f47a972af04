"""What a corpus gives away that is no emotion: by length, level, format, words, speaker."""
