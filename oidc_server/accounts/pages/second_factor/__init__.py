"""The pages on the way in that ask for the second factor, or have one set up."""
