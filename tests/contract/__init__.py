"""The server against its own OpenAPI document, by schemathesis."""
