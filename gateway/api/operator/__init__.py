"""The operator API, /operator/v1."""
