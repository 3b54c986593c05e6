"""What every endpoint of the JSON API needs: strict bodies, documented refusals, pages of lists."""
