"""The child process, what every job is given, and what is known of this computer."""
