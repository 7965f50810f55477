"""Payment connectors: who takes the card that a caller has entered."""
