"""What went wrong, /monitor/v1."""
