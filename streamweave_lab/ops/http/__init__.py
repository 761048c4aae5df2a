"""The HTTP API of one run: a table of endpoints, from which both the routes and their description are made."""
