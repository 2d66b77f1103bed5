"""Messages to people: to-do and news, by page and by e-mail."""
