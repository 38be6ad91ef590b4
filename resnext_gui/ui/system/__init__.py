"""What the window has to do with the system: settings, errors, languages, one instance, memory."""
