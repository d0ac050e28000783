"""Floor 2, graph to graph: reverse mode, forward mode, simplify."""
