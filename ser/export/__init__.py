"""Models and answers in the forms of other programs."""
