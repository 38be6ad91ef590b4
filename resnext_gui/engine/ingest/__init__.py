"""Photographs in: listed, labelled, read, and compared with the disk."""
