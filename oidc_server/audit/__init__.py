"""Append-only security events, written in the transaction of the fact."""
