"""A review of one revision against another."""
