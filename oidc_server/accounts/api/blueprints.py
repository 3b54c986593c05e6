"""The blueprints of the JSON API, one for each noun."""

from oidc_server.api.blueprint import ApiBlueprint

registration = ApiBlueprint("Registering", __name__, description="Making an account for oneself.")
login = ApiBlueprint("Signing in", __name__, description="Getting tokens for a person, and ending them.")
recovery = ApiBlueprint("Recovering", __name__, description="Getting back in without the password.")
second_factors = ApiBlueprint(
    "Second factors", __name__, description="What a person has besides the password: setting it up, and giving it."
)
account = ApiBlueprint("Account", __name__, description="A person's own account.")
sessions = ApiBlueprint("Sessions", __name__, description="Where a person is signed in.")
apps = ApiBlueprint("Apps with access", __name__, description="What a person has granted to apps.")
api_keys = ApiBlueprint("API keys", __name__, description="The keys of internal services.")
users = ApiBlueprint(
    "Users", __name__, description="Accounts, by their ids: one's own, and for admins those of others."
)
