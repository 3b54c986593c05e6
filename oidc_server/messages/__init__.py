"""Mail and SMS: what waits to be told to whom, and how it is told."""
