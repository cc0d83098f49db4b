"""From files to batches: readers, preprocessing, splits, windows, and simulated recordings."""
