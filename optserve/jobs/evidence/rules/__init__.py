"""The certificate of a plugin's derivative rules: what was compared, where, and what failed."""
