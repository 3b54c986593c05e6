"""The OAuth and OpenID Connect wire: one module per endpoint, one per artefact."""
