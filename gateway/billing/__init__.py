"""Money: what calls cost, and how much an account may spend."""
