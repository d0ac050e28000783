"""Control flow: derivatives of loops, which are loops again."""
