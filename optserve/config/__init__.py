"""The config language: a YAML file becomes a ``Problem``."""
