"""Voice settings, /voice/v1."""
