"""The web server: pages, TLS, passwords."""
