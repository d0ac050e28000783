"""The conformance kit: what every primitive promises, checked by running it.

A plugin is checked in a few lines of pytest, one test a primitive and promise:

    from optserve import testing

    @pytest.mark.parametrize("check", testing.checks(optserve_robust), ids=str)
    def test_conformance(check):
        check()

or all at once with ``check_plugin(optserve_robust)``. optserve's own primitives pass the same
checks. Operands are drawn from a primitive's ``domain``: of an elementwise primitive in every form
of broadcasting, of any other one at its ``examples``.

>>> from optserve.plugin import elementwise
>>> check_primitive(elementwise("cube", lambda x: x**3, doc="The third power of a number."))
>>> wrong = elementwise(
...     "cube", lambda x: x**3, partials=lambda out, x: (2.0 * x * x,), doc="The third power."
... )
>>> check_primitive(wrong)
Traceback (most recent call last):
    ...
AssertionError: cube: the derivative by operand 0 is not that of the value
  at: cube(float64[3])
  found: relative error 0.15 of the pullback, 0.33 of the tangents, worst at entry (2,) of result 0
  remedy: compare the partials, transposes or pullback with the formula of the value, or give a
  domain where that is smooth
"""

from __future__ import annotations

from optserve.testing.backends import check_backend, check_lowerings
from optserve.testing.cases import Case, cases
from optserve.testing.checks import Check, check_plugin, check_primitive, checks, primitives_of
from optserve.testing.dtypes import check_dtypes
from optserve.testing.together import Piece, check_row_counts, pieces

__all__ = [
    "Case",
    "Check",
    "Piece",
    "cases",
    "check_backend",
    "check_dtypes",
    "check_lowerings",
    "check_plugin",
    "check_primitive",
    "check_row_counts",
    "checks",
    "pieces",
    "primitives_of",
]
