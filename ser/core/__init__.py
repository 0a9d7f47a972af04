"""What every room may use: errors, files, processes, settings, scores."""
