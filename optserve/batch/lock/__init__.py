"""The lock file: what is differentiated, by which rules and conventions, and what comes of it."""
