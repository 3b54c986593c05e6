"""What a person does, on pages: sign in, choose an account, consent, sign out."""
