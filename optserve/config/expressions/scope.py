"""``Scope``: what the names of an expression stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from optserve.config.expressions.declared_functions import Function
from optserve.config.expressions.row_pairs import RowPairs
from optserve.config.expressions.values import CONSTANTS, Value
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, OptserveError, Place
from optserve.graph.primitive import Primitive
from optserve.primitives.random_terms import random_densities
from optserve.primitives.vocabulary import Vocabulary

__all__ = ["OF_TABLES", "Asked", "Scope"]

_ELSEWHERE: Mapping[str, str] = {
    "ln": "log(x)",
    "expit": "sigmoid(x)",
    "logit": "log(x) - log1p(-x)",
    "lgamma": "gammaln(x)",
    "gamma": "exp(gammaln(x)), where x is positive",
    "factorial": "exp(gammaln(x + 1))",
    "pow": "x ** y",
    "asin": "arcsin(x)",
    "acos": "arccos(x)",
    "atan": "arctan(x)",
    "atan2": "arctan2(y, x)",
    "asinh": "arcsinh(x)",
    "acosh": "arccosh(x)",
    "atanh": "arctanh(x)",
    "cbrt": "sign(x) * abs(x) ** (1 / 3)",
    "log1pexp": "softplus(x)",
    "loggamma": "gammaln(x)",
    "psi": "digamma(x)",
    "normal_cdf": "ndtr(x)",
    "ifelse": "where(condition, x, y)",
    "average": "mean(x), or weighted_mean(x, weights)",
    "percentile": "quantile(x, p / 100)",
    "swish": "silu(x)",
    "cumulative_product": "cumprod(x)",
    "bincount": "segment_sum(w, group, count)",
    "outer": "x[:, None] * y[None, :]",
    "logdet": "slogdet(a)[1]",
    "inverse": "inv(a)",
    "eig": "eigh(a), of a symmetric matrix",
    "flip": "x[::-1]",
    "len": "x.shape[0]",
    "complex": "x + 1j * y",
    "re": "real(z)",
    "im": "imag(z)",
    "arg": "angle(z)",
    "phase": "angle(z)",
    "random": "uniform(0, 1), where `simulate` draws a column",
    "rand": "uniform(0, 1), where `simulate` draws a column",
    "standard_normal": "normal(0, 1), where `simulate` draws a column",
    "randn": "normal(0, 1), where `simulate` draws a column",
    "integers": "integer(floor(uniform(low, high))), where `simulate` draws a column",
    "choice": "x[integer(floor(uniform(0, n)))], where `simulate` draws a column",
    "standard_t": "student_t(dof, 0, 1), where `simulate` draws a column",
    "chisquare": "chi2(dof), where `simulate` draws a column",
    "vonmises": "von_mises(location, concentration), where `simulate` draws a column",
    "multivariate_normal": "cholesky(C) @ normal(0, 1, size=n), where `simulate` draws a column",
    "dot": "x @ y",
    "matmul": "x @ y",
}
"""Functions that other languages have, as they are written here: the nearest name is another."""


OF_TABLES = frozenset({"levels", "row", "rows"})
"""Words that are called with the name of a table or of a column, and not with a value."""

Asked = Callable[[str, str, Place], Value]
"""(word of ``OF_TABLES``, name that it is called with, where) -> its value."""


def _elsewhere(name: str) -> str:
    written = _ELSEWHERE.get(name)
    return f"write {written}" if written else ""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Values and functions by name. A dotted name, ``layer1.W``, is one name.

    Whoever builds values in order adds them to ``values`` as they come.
    ``later`` holds the place of each value that is defined further down and may not be used yet,
    ``hidden`` what makes a column of a name in the data that is none yet. ``sizes`` answers what
    the words of ``OF_TABLES`` ask.
    ``pairs`` is shared by the scopes that are made of this one, as values are.
    Names are unique across ``columns``, ``parameters`` and ``values``: whoever fills them sees to
    that. The constants pi, e and inf give way to anything declared.
    """

    vocabulary: Vocabulary
    columns: Mapping[str, Value] = field(default_factory=dict)
    parameters: Mapping[str, Value] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    later: Mapping[str, Place] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    sizes: Asked | None = None
    pairs: RowPairs = field(default_factory=RowPairs)

    def has_value(self, name: str) -> bool:
        """Whether ``name`` is a value here."""
        return name not in self.later and any(name in table for table in self._tables())

    def value(self, name: str) -> Value:
        """The value called ``name``, which must be one."""
        return next(table[name] for table in self._tables() if name in table)

    def has_function(self, name: str) -> bool:
        """Whether ``name`` can be called."""
        return (
            name in self.functions
            or name in self.vocabulary.macros
            or self.primitive(name) is not None
        )

    def asks(self, name: str) -> bool:
        """Whether ``name`` is a word that asks something of a table or a column."""
        return name in OF_TABLES and self.sizes is not None and name not in self.functions

    def primitive(self, name: str) -> Primitive | None:
        """The primitive that expressions may call ``name``."""
        primitive = self.vocabulary.primitives.get(name)
        return None if primitive is None or primitive.call.internal else primitive

    def unknown_value(self, dotted: str, place: Place, locals_: Mapping[str, Value]) -> ConfigError:
        """The error for a name that is no value, with the nearest that is one."""
        first = dotted.partition(".")[0]
        if dotted in self.later or first in self.later:
            name = dotted if dotted in self.later else first
            return ConfigError(
                f"'{name}' is used before it is defined",
                place=place,
                expected=f"a value defined further up; '{name}' is defined at {self.later[name]}",
                remedy="values are read in order: move that one up",
                code="used-too-early",
            )
        if self.has_function(dotted):
            return ConfigError(
                f"'{dotted}' is a function",
                place=place,
                expected="a value",
                remedy=f"{dotted}(...)",
                code="unknown-value",
            )
        valid = {*locals_, *(name for table in self._tables() for name in table)}
        inner = sorted(name for name in valid if name.startswith(f"{dotted}."))
        if inner:
            return ConfigError(
                f"'{dotted}' is not a value itself",
                place=place,
                expected=f"one of {choices(inner)}",
                code="unknown-value",
            )
        kinds = {
            "local": [name for name in locals_ if name.isidentifier()],
            "column": list(self.columns),
            "parameter": list(self.parameters),
            "defined value": list(self.values),
        }
        shown = [f"a {kind} ({choices(names, 6)})" for kind, names in kinds.items() if names]
        return ConfigError(
            f"no value is called '{dotted}'",
            place=place,
            expected=" or ".join(shown) or "a value: nothing is declared yet",
            remedy=self.hidden.get(dotted) or did_you_mean(dotted, sorted(valid)),
            code="unknown-value",
        )

    def unknown_function(
        self, name: str, place: Place, locals_: Mapping[str, Value]
    ) -> OptserveError:
        """The error for a name that cannot be called, with the nearest that can."""
        if self.has_value(name) or name in locals_ or name in self.later:
            return ConfigError(
                f"'{name}' is a value and cannot be called",
                place=place,
                expected="a declared function or a primitive",
                remedy=f"a product is {name} * (...), an entry {name}[...]",
                code="wrong-call",
            )
        if name in OF_TABLES:
            return ConfigError(
                f"no function is called '{name}' here",
                place=place,
                expected="a value; it asks tables, in shapes, `define` and a loss",
                remedy="write what is needed of it as numbers: into a column, where rows are meant",
                code="unknown-function",
            )
        unavailable = self.vocabulary.unavailable(name)
        if unavailable is not None:
            return unavailable.at(place)
        from optserve.primitives.vocabulary import density_primitives  # only where one is misspelt

        known = (*density_primitives(), *self.vocabulary.primitives.values())
        density = random_densities(known).get(name)
        if density is not None and name not in _ELSEWHERE:
            return ConfigError(
                f"'{name}' draws random numbers, and here all is computed",
                place=place,
                expected="random terms in the columns of `simulate` alone",
                remedy=f"its log density is {density.usage}",
                code="unknown-function",
            )
        primitives = (known for known in self.vocabulary.primitives if self.primitive(known))
        densities = (one.name for one in density_primitives() if not one.call.internal)
        vocabulary = (*primitives, *densities, *self.vocabulary.macros)
        declared = f" ({choices(self.functions, 6)})" if self.functions else ""
        return ConfigError(
            f"no function is called '{name}'",
            place=place,
            expected=f"a function of define{declared}, or a primitive",
            remedy=_elsewhere(name)
            or did_you_mean(name, [*self.functions, *sorted({*vocabulary, *OF_TABLES})])
            or "`optserve primitives` lists the primitives",
            code="unknown-function",
        )

    def _tables(self) -> tuple[Mapping[str, Value], ...]:
        return self.values, self.parameters, self.columns, CONSTANTS
