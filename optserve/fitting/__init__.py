"""Fits of Python functions: ``minimize``, ``least_squares`` and ``curve_fit`` over the same jobs
as configs, with SciPy's calls."""
