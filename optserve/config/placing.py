"""``placed``: an error about a key of a problem, at the place of that key in a config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from optserve.config.nodes import MappingNode, Node
from optserve.config.optimizer import is_given, method_of
from optserve.config.schema.config import Config
from optserve.errors import OptserveError

__all__ = ["placed"]

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "minibatch.rows": "`last: keep` takes fewer rows at the end of an epoch",
        "minibatch.tables": "`rows: false` takes the columns of a table as constants",
        "optimizer.streamed": "`optimizer: lbfgs` does without them; `in_memory: true` in the "
        "table holds all",
        "stop.epochs": "give `minibatch: {rows: 128}`, whose epochs these are, or steps",
        "stop.plateau": "give `minibatch: {rows: 128}`, whose epochs these are",
    }
)
"""What to write in a config, by the key of the error."""


@contextmanager
def placed(config: Config) -> Iterator[None]:
    """Within this an error that has a key gets its place in ``config``, and a remedy to write."""
    try:
        yield
    except OptserveError as error:
        if error.key:
            node = _node_at(config, error.key)
            if error.key.startswith("optimizer") and not is_given(method_of(config)):
                error.message += "; it is the method that is chosen where none is given"
                node = _node_at(config, "minibatch" if config.minibatch else config.objective)
                if error.key == "optimizer.batches":
                    error.remedy = "optimizer: {adam: {learning_rate: 1.0e-3}}"
            error.at(node.place)
            error.remedy = error.remedy or REMEDIES.get(error.key, "")
        raise


def _node_at(config: Config, path: str) -> Node:
    """The value of the deepest key of ``path`` that is written."""
    first, *rest = path.split(".")
    node = config.node_of(first)
    for key in rest:
        if isinstance(node, MappingNode) and key in node:
            node = node.entries[key].value
    return node
