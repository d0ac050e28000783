"""The kinds of reports that ship with optserve, one a file; each tells of the same ``findings``."""
