"""Floor 1, the built-in vocabulary: one paragraph a primitive."""
