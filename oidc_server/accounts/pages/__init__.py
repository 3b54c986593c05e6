"""The pages: sign in, choose an account, consent, sign out, and a person's own account."""
