"""The key ring: the life of signing keys, where they are stored, the JWKS (RFC 7517), and signing itself (RFC 7515)."""
