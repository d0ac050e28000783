"""Floor 6, reports: a ``Result`` becomes the text that a person reads."""
