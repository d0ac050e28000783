"""The keys of a config: what each may hold, decoded from nodes into frozen values."""
