"""How each primitive becomes native code: a ``Lowering`` each, found by the primitive itself."""
