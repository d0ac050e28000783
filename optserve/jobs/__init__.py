"""Floor 4, jobs: a ``Problem`` is descended and becomes a ``Result``."""
