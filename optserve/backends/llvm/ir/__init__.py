"""Instructions, types and memory of native code, and the engine that compiles it."""
