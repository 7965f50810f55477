"""HTTP out: signed requests to customers, the guard, the outbox."""
