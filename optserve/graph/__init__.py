"""Floor 0, the language: shapes with named row counts, primitives, graphs, tracing, the oracle."""
