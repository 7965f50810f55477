"""The core API, /2010-04-01."""
