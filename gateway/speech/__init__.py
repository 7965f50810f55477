"""Text to speech, and audio files to sounds."""
