"""`ser explore`: a page on this machine: a clip, a system's mistakes, two results side by side."""
