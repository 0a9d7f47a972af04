"""What is computed of a clip: front ends, functionals, augmented copies."""
