"""The spine: what was granted to whom, and the refresh tokens that hang off it."""
