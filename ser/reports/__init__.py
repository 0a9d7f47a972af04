"""Words and pictures; nothing that trains may import it."""
