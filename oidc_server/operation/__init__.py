"""What operators ask of a running server: health, readiness, metrics."""
