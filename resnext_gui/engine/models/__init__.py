"""Models that answer: features, heads, files on disk, and how good they are."""
