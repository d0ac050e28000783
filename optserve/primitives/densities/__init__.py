"""Log densities and logarithms of distribution functions, one file a family of distributions.

Each is called with the value first and then the parameters, in Stan's order: ``normal_logpdf(x,
mean, std)``. ``_logpdf`` is the logarithm of a density, ``_logpmf`` that of the probability of a
whole number, ``_logcdf`` that of the chance of a value up to x, ``_logsf`` that of a larger one.

Outside of its support a density is 0: its logarithm is -inf there, and has the derivative 0. Of
parameters that a distribution cannot have (a scale that is not positive) the value is NaN.

None of it is imported before a config names one of them.
"""
