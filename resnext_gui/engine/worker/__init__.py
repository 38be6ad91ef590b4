"""The child process and what every job is given."""
