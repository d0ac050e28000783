"""The expression language: a subset of Python's expressions, read into a tree, built into a graph.

Nothing is ever evaluated as Python. See ``docs`` for the language.
"""
