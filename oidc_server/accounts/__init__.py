"""What a person does with their account: signing in and out, registering, recovering, changing, closing; on pages and
by the JSON API, which are two faces of the same services."""
