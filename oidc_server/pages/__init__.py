"""What every page has in common: rendering, languages, the theme, cookies, and forms that only our pages can send."""
