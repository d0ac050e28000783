"""Floor 3, graph to callable: ``compile`` and the backends behind it."""
