"""From the publisher to canonical clips and a checked manifest."""
