"""What every slice may import and what imports no slice: settings, database, clock, crypto, errors, HTTP, identity,
limits, logs and metrics."""
