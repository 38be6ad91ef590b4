"""The engine's child process, seen from the window."""
