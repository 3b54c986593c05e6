"""The JSON API of accounts and users, for first-party apps."""
