"""OAuth clients: their metadata (RFC 7591), secrets and redirect URIs."""
