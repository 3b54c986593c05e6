"""The pages of a person's own account, for whoever is signed in."""
