"""Calls of NumPy's functions, spelled in many ways: on traced values they give the value, shape,
dtype and derivative that they give on arrays, or are refused with a remedy."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from types import CodeType
from typing import Any

import numpy as np
import pytest

from optserve.errors import OptserveError
from optserve.graph.interpret import interpret
from optserve.primitives.numpy_meaning import MEANING
from optserve.primitives.tracing import trace, verify
from optserve.transforms.functions import jvp, vjp
from tests.primitives.numpy_tables import (
    CHOICES,
    KNOWN,
    LINEAR_ALGEBRA,
    PARTS,
    SERIES,
    UFUNCS,
)

RNG = np.random.default_rng(11)
TRACED: dict[str, Any] = {
    "x": RNG.uniform(-2.0, 2.0, (2, 3)),
    "y": RNG.uniform(-2.0, 2.0, (2, 3)),
    "t": RNG.uniform(-2.0, 2.0, (2, 3, 4)),
    "v": np.array([3.0, -1.0, 2.0]),
    "m": RNG.uniform(-2.0, 2.0, (3, 3)),
    "u": RNG.uniform(-2.0, 2.0, (1, 3, 1)),
    "s": np.float64(0.7),
}
CONSTANTS = {
    "np": np,
    "A": RNG.uniform(-2.0, 2.0, (2, 4, 3)),
    "B": RNG.uniform(-2.0, 2.0, (3, 2)),
    "V": np.array([0.5, -1.5, 2.5]),
    "i": np.array([1, 0, -1]),
    "j": np.array([[0, 1], [-1, 2]]),
    "b": np.array([True, False, True]),
    "inf": np.inf,
}

SUMS = """
np.sum(x, initial=1.0); np.sum(x, where=x > 0); np.sum(x, where=b); np.sum(x, 0, where=b, initial=s)
np.mean(x, where=b); np.mean(x, -1, keepdims=True, where=x > 0); np.var(x, where=b, ddof=1)
np.var(x, 1, where=[[True, True, False]]); np.std(x, where=b); np.std(x, 1, None, None, 1, where=b)
np.prod(x, initial=2.0); np.prod(x, 1, where=x > 0, keepdims=True)
np.max(x, initial=0.0); np.min(x, where=b, initial=9); np.max(x, 1, where=x > 0, initial=-3.0)
np.max(x[:0], 0, initial=s); np.min(x[:0], initial=2.0, keepdims=True); np.all(x > 0, where=b)
np.any(x > 0, 0, where=b); np.all(x > 0, 1, where=x > -1, keepdims=True); x.sum(where=b)
np.nansum(x, initial=1.0); np.nanmean(x, 1, where=b); np.nanmax(x, 0, initial=s)
np.nanstd(x, 1, where=b, ddof=1);
np.nanprod(x, where=x > 0); np.nanmin(x, initial=-5, where=b)
np.sum(x); np.sum(x, 0); np.sum(x, -1); np.sum(x, axis=(0, 1)); np.sum(x, axis=(-1, 0))
np.sum(x, axis=()); np.sum(x, axis=0, keepdims=True); np.sum(x, None, None, None, True)
np.sum(t, (0, -1)); np.sum(a=x, axis=1); np.sum(x > 0); np.sum(x > 0, axis=1); np.sum(s); x.sum()
x.sum(0); x.sum(-1, keepdims=True); t.sum((0, 2)); x.sum(0, None, None, True)
x.sum(axis=None, keepdims=True); np.sum(x, dtype=None); np.sum(x[:0], 0); np.sum(x[:, :0])
np.mean(x); np.mean(x, 0); np.mean(x, axis=-1, keepdims=True); np.mean(t, (1, 2)); x.mean(1)
np.mean(x > 0); np.mean(np.argsort(x)); x.mean(axis=(0, 1), keepdims=True); np.var(x); np.var(x, 0)
np.var(x, axis=1, ddof=1); np.var(x, 0, None, None, 1); np.var(t, (0, 2), ddof=2, keepdims=True)
x.var(ddof=0.5); np.var(x, correction=1); x.var(1); np.std(x); np.std(x, 1)
np.std(x, axis=1, ddof=1); x.std(0, keepdims=True); np.std(v, ddof=2)
np.std(x, 0, None, None, 1, True); np.std(t, axis=(0, -1), correction=1); x.std(0, ddof=1)
np.prod(x); np.prod(x, 0); np.prod(x, axis=(0, 1), keepdims=True); x.prod(-1); np.prod(t, 1)
np.cumsum(x); np.cumsum(x, 0); np.cumsum(x, axis=-1); x.cumsum(1); np.cumsum(t, None)
np.cumsum(x > 0); np.add.accumulate(x); np.add.accumulate(x, 1); np.add.accumulate(x, axis=-1)
np.add.reduce(x); np.add.reduce(x, 1); np.add.reduce(x, axis=None); np.add.reduce(x, axis=(0, 1))
np.add.reduce(t, -1, keepdims=True); np.multiply.reduce(x, axis=1); np.maximum.reduce(x)
np.minimum.reduce(x, axis=(0, 1)); np.logaddexp.reduce(x); np.logical_or.reduce(x > 0)
np.logical_and.reduce(x > 0, axis=1); np.diff(v); np.diff(x); np.diff(x, 1, 0); np.diff(t, n=2)
np.diff(t, axis=1); np.diff(v, 0); np.diff(v, 3); np.diff(x > 0)
"""

ORDERS = """
np.max(x); np.max(x, 0); np.max(x, -1, None, True); np.max(t, axis=(0, 2)); x.max(axis=1)
np.amax(x, 1); x.max(1, None, True); np.max(s); np.max(x, axis=()); np.max(x > 0); np.min(x)
np.min(x, (0, 1)); np.min(x, axis=1, keepdims=True); np.amin(x, 0); x.min(0); np.argmax(x)
np.argmax(x, 1); np.argmax(x, axis=-1, keepdims=True); x.argmax(0); x.argmax()
np.argmin(x, keepdims=True); np.argmin(t, 1); x.argmin(axis=0, keepdims=True); np.argsort(x)
np.argsort(x, 0); np.argsort(x, None); np.argsort(x, -1, "stable"); x.argsort(1); np.sort(x)
np.sort(x, axis=0); np.sort(x, axis=None); np.sort(x, 1, "mergesort"); np.sort(t, -2)
np.sort(x, stable=True); np.median(x); np.median(x, 0); np.median(t, axis=(0, 2), keepdims=True)
np.median(x, 1, None, False, True); np.median(v); np.median(t, -1)
np.median(x[:, :2], axis=(0, -1)); np.all(x > -3); np.all(x > 0, 0)
np.any(x > 0, axis=1, keepdims=True); np.any(x > 9); np.all(x, 1); (x > 0).all(); (x > 0).any(0)
np.where(x > 0, x, y); np.where(b, x, 0.0); np.where(x > 0, 1, v)
np.where(x > 0, [1.0, 2.0, 3.0], x); np.where(x > 0, 1.0, 0.0); np.where(True, x, y)
np.where(b[:, None], v, m); np.where(x > y, x, s); np.clip(x, -1, 1); np.clip(x, None, 1.0)
np.clip(x, -1.0, None); np.clip(x, v, inf); x.clip(-1, 1); np.clip(x, min=-1); np.clip(x, max=V)
np.clip(x, a_min=-1, a_max=1); x.clip(max=0.5); x.clip(-1); np.clip(x, 1, -1)
np.clip(x, None, None); np.round(x); np.round(x, 1); np.round(100 * x, -1); x.round(2)
np.around(x, decimals=1); np.round(np.argsort(x)); np.maximum(x, v); np.minimum(x, 0.5)
np.maximum(x, V[None])
"""

SHAPES = """
np.reshape(x, 6); np.reshape(x, (3, 2)); np.reshape(x, -1); np.reshape(x, (3, -1)); x.reshape(-1)
x.reshape(3, 2); x.reshape((3, -1)); x.reshape([6])
x.reshape(np.array([3, 2])); x.reshape(np.int64(-1)); np.reshape(x, (3, 2), order="F")
np.reshape(t, (-1, 6), "F"); x.reshape(3, 2, order="F"); np.reshape(t, (4, 6), order="C")
np.reshape(x, shape=(6,)); np.reshape(s, (1, 1)); np.ravel(x); np.ravel(t, "F"); x.ravel()
x.flatten(); x.ravel("F"); t.flatten(order="F"); np.transpose(x); np.transpose(t, (2, 0, 1))
np.transpose(t, axes=(-1, 0, 1)); x.T; t.T; v.T; t.transpose(1, 0, 2); t.transpose((1, 2, 0))
t.transpose(); t.transpose(None); np.swapaxes(t, 0, 2); np.swapaxes(t, -1, 1); t.swapaxes(0, 1)
np.swapaxes(x, 0, 0); np.moveaxis(t, 0, -1); np.moveaxis(t, -1, 0)
np.moveaxis(t, [0, 1], [-1, -2]); np.moveaxis(t, (2, 0), (0, 1)); np.moveaxis(x, 1, 1)
np.moveaxis(t, source=1, destination=2); np.flip(x); np.flip(x, 0); np.flip(t, (0, -1)); np.flip(v)
np.roll(v, 1); np.roll(x, -1, axis=1); np.roll(x, 2); np.roll(t, 5, 2); np.roll(x, 1, 0)
np.roll(x, -7); np.broadcast_to(v, (2, 3)); np.broadcast_to(s, (2,)); np.broadcast_to(u, (2, 3, 4))
np.broadcast_to(s, ()); np.broadcast_to(v, shape=(1, 3)); np.broadcast_to(s, 4)
np.expand_dims(x, 0); np.expand_dims(x, -1); np.expand_dims(x, (0, 2)); np.expand_dims(v, (-1, 0))
np.expand_dims(x, axis=1); np.expand_dims(s, 0); np.squeeze(u); np.squeeze(u, 0); np.squeeze(u, -1)
np.squeeze(u, axis=(0, 2)); u.squeeze(); u.squeeze(2); np.squeeze(x); np.squeeze(u, (0, -1))
np.atleast_1d(s); np.atleast_1d(x); np.atleast_2d(v); np.atleast_2d(s); np.atleast_2d(t)
np.atleast_1d(s, v)[1]; np.concatenate([x, y]); np.concatenate((x, y), 1)
np.concatenate([x, y], axis=None); np.concatenate([x, V[None]]); np.concatenate([v, V, v], axis=-1)
np.concatenate([x, [[1.0, 2.0, 3.0]]]); np.concatenate([x[:0], y]); np.concatenate([x > 0, y])
np.concatenate([np.argsort(x), y]); np.stack([x, y]); np.stack((v, V), axis=-1); np.stack([s, 1.0])
np.stack([s, 1]); np.stack([x, y], axis=1); np.stack(list(x)); np.stack([x > 0, y]); np.stack([v])
np.vstack([x, v]); np.vstack((v, V)); np.vstack([s, 2.0]); np.vstack([t, t])
np.vstack([v, [1, 2, 3]]); np.hstack([v, V]); np.hstack([x, y]); np.hstack([s, v])
np.hstack([t, t]); np.hstack([s, 1.0]); np.column_stack([v, V]); np.column_stack([v, m])
np.column_stack([x, y]); np.column_stack([s, s]); np.zeros_like(x); np.ones_like(x, dtype=int)
np.zeros_like(x, float); np.full_like(x, 7); np.full_like(x, 2.5, dtype=int); np.full_like(x, s)
np.full_like(x, [1, 2, 3]); np.full_like(x, v); np.ones_like(x > 0); np.copy(x); x.copy()
x.copy("F"); x * np.size(t, 1); x * np.ndim(t); x * t.shape[2]; x.astype(np.float32)
x.astype("int64") + 1; x.astype(bool); np.linspace(0.0, 1.0, 3) * v; x * x.size; x + len(t)
x * np.size(t); x.astype(float, "C", "safe", copy=False); sum(x); sum(list(x))
"""

INDICES = """
x[0]; x[-1]; x[1, 2]; x[0, -1]; x[:, 0]; x[..., 0]; x[0, ...]; x[...]; x[()]; s[...]; s[()]
x[None]; x[:, None]; x[..., None]; s[None]; x[None, 0, None, :]; x[:, ::-1]; x[::2, 1:]
t[..., ::-2]; x[1:1]; x[5:]; x[-5:5]; t[:, 1:, -3:-1]; t[-1:, ::2, 3:0:-2]; v[2::-1]; v[-1:-3:-1]
v[:-1]; v[i]; v[[0, 2]]; v[j]; v[[[0, -1]]]; v[[]]; v[np.array([], int)]; x[i - 1]; x[[1, 0, 1]]
x[:, i]; x[..., j]; x[None, :, i]; x[0, i]; x[[0, 1], 0]; t[0, :, i]; t[0, i]; t[:, 0, i]
t[:, i, 0]; t[[1, 0, 1], :, 0]; t[None, [0, 1], ..., 3]; t[..., 0, i]; t[:, 0, ..., i]
t[0, ..., i]; t[:, j, -1]; t[0, None, i]; t[0, :, j]; t[:, None, i, 1:]; t[0, 1:, i]
t[1, ::2, [0, -1]]; t[..., None, i, None]; t[:, None, 0, i]; t[:, 0, None, i]; t[-1, 0, i]
t[np.int64(0), :, i]; t[np.array(0), :, i]; v[np.argmax(v)]; x[:, np.argmax(v)]
t[:, np.argmax(v), i]; x[np.argmax(x, 0)[0], 0]; v[np.argsort(v)]; x[np.argmin(v) - 1]
t[0, np.argmax(v), np.argmin(v)]; t[:, np.argmax(v), ::2]; t[np.argmin(v), :, i]; x[0][i]
x[i, i]; t[[0, 1], [0, 1]]; t[0, i, i]; x[[0], [1]]; x[i[:, None], i]; t[i, :, i]; t[:, j, j]
t[0, j, ..., j]; t[:, i, i]; t[:, [[0], [1]], i]; t[i, None, i]; t[i, i, i]; x[i, np.argmax(v)]
x[np.array([[True]]).sum()]; t[0, i, None]; np.take(x, i); np.take(x, j); np.take(x, 2)
np.take(x, [0, -1], axis=1); np.take(x, j - 1, 0); np.take(t, i, axis=-1); np.take(x, i, None)
np.take(v, 1); x.take(i, 1); x.take([0, 5]); np.take(v, [4, -4], mode="wrap")
np.take(v, [4, -4], mode="clip"); np.take(t, 0, 1); np.take(x, [7, -1], 1, None, "wrap")
np.take(v, np.argmax(v)); np.take_along_axis(x, np.argsort(x, 1), 1)
np.take_along_axis(x, np.argsort(x, 0), axis=0); np.take_along_axis(x, j, 1)
np.take_along_axis(x, i, None); np.take_along_axis(v, i, -1)
np.take_along_axis(x, np.argmax(x, axis=1, keepdims=True), axis=1)
"""

PRODUCTS = """
x @ v; v @ v; v @ m; m @ m; t @ A; A @ t; t @ V.repeat(4)[:4]; v @ A.swapaxes(1, 2)
t @ B[:, 0].repeat(2)[:4]; np.matmul(x, m); np.matmul(t, A); np.matmul(A, t)
np.matmul(u[..., 0], m); np.matmul(m, u[0]); np.dot(x, v); np.dot(v, V); np.dot(s, x)
np.dot(x, 2.0); np.dot(2.0, 3.0) * s; x.dot(m); np.dot(m, B); np.dot(t, A); np.dot(A, t)
np.dot(x, A.swapaxes(1, 2)); np.dot(v, A.swapaxes(1, 2)); np.dot(v, t); np.dot(A, v)
np.dot(t, B.repeat(2, 0)[:4]); np.dot(m, [1.0, 2.0, 3.0]); np.dot(s, s); np.inner(v, V)
np.inner(x, y); np.inner(t, t); np.inner(A, x); np.inner(s, x); np.inner(v, m); np.vdot(x, y)
np.vdot(v, V); np.vdot(s, 2.0); np.vdot(t, A.swapaxes(1, 2)); np.outer(v, V); np.outer(x, y)
np.outer(s, v); np.outer([1.0, 2.0], v); np.multiply.outer(x, v); np.add.outer(v, V)
np.subtract.outer(v, x); np.tensordot(x, y); np.tensordot(x, m, 1); np.tensordot(v, V, 0)
np.tensordot(t, A, axes=([1, 2], [2, 1])); np.tensordot(x, t, axes=(1, 1)); np.tensordot(t, t, 3)
np.tensordot(t, A, axes=([0, 2], [0, 1])); np.tensordot(x, B, axes=[[-1], [0]])
np.einsum("ij,ij->i", x, y); np.einsum("ij,jk", x, m); np.einsum("ijk,ikl->ijl", t, A)
np.einsum("ij->ji", x); np.einsum("i,j->ij", v, V, optimize=True); np.einsum("i->", v)
np.linalg.norm(v); np.linalg.norm(x); np.linalg.norm(t); np.linalg.norm(v, 2); np.linalg.norm(v, 1)
np.linalg.norm(v, 0); np.linalg.norm(v, inf); np.linalg.norm(v, -inf); np.linalg.norm(v, 3)
np.linalg.norm(v, 2.5); np.linalg.norm(v, 0.5); np.linalg.norm(v, -1); np.linalg.norm(v, -2)
np.linalg.norm(v, ord=1, keepdims=True); np.linalg.norm(v, None, 0); np.linalg.norm(x, None, 1)
np.linalg.norm(x, axis=0); np.linalg.norm(x, 1, 0); np.linalg.norm(x, 3, axis=-1, keepdims=True)
np.linalg.norm(x, 0, 1); np.linalg.norm(x, inf, 1); np.linalg.norm(x, -inf, 0, True)
np.linalg.norm(t, 2, 1); np.linalg.norm(t, 1, -1); np.linalg.norm(t, -3, 1); np.linalg.norm(m, 1)
np.linalg.norm(m, -1); np.linalg.norm(m, inf); np.linalg.norm(m, -inf); np.linalg.norm(m, "fro")
np.linalg.norm(x, "fro", None, True); np.linalg.norm(x, 1, (0, 1)); np.linalg.norm(x, 1, (1, 0))
np.linalg.norm(x, axis=(0, 1)); np.linalg.norm(t, axis=(0, 2)); np.linalg.norm(t, 1, (0, 2))
np.linalg.norm(t, inf, axis=(-1, 1)); np.linalg.norm(t, -1, (2, 0), True)
np.linalg.norm(t, "fro", (1, 2)); np.linalg.norm(t, None, (2, 0), keepdims=True); np.linalg.norm(s)
np.linalg.norm(x, None, None, True); np.linalg.norm(x=m, ord=-inf, axis=(1, 0), keepdims=True)
np.linalg.norm(np.argsort(v)); np.linalg.norm(np.argsort(v), 1); np.linalg.norm(np.argsort(v), 3)
"""

EVERYDAY = """
np.log10(abs(x)); np.log2(abs(x)); np.exp2(x); np.arcsinh(x); np.arccosh(1 + abs(x))
np.arctanh(x / 3); np.roll(x, (1, 1), (0, 1)); np.roll(x, (1, 2), 1); np.roll(t, 1, (0, -1))
np.tile(v, 2); np.tile(x, (2, 1)); np.tile(x, [3, 1, 2]); np.tile(t, (2,)); np.tile(s, 3)
np.repeat(v, 2); np.repeat(x, 2, axis=1); np.repeat(x, 3); np.repeat(v, [1, 0, 2])
np.repeat(x, [2, 1], 0); np.pad(v, 1); np.pad(x, (1, 2)); np.pad(x, ((0, 1), (2, 0)))
np.pad(v, (1, 2), constant_values=3); np.pad(v, 1, "edge"); np.pad(x, 1, mode="reflect")
np.pad(v, 2, mode="symmetric"); np.pad(x, ((0, 0), (2, 1)), "wrap"); np.pad(v, 1, constant_values=s)
np.pad(v, 2, constant_values=(1, 2)); np.pad(x[:, :2], (1, 2), constant_values=((5, 6), (7, 8)))
np.repeat(x, [2], axis=1); np.nanvar(x, correction=1); np.nanstd(x, 0, correction=0.5)
np.meshgrid(v, V)[0]; np.meshgrid(v, V[:2])[1]; np.meshgrid(v, V, indexing="ij")[1]
np.meshgrid(v, V, x[0])[2]; np.cumprod(x); np.cumprod(x, 0); np.cumprod(t, axis=-1)
np.cumprod(x > 0, 1); np.nansum(x); np.nansum(x, 0); np.nansum(np.log(x), axis=1, keepdims=True)
np.nanmean(x); np.nanmean(np.sqrt(x + 1.5), 1); np.nanvar(x, 1); np.nanvar(x, ddof=1)
np.nanstd(x); np.nanstd(x, 0, keepdims=True); np.nanstd(t, axis=(0, 2), ddof=1); np.nanmax(x)
np.nanmax(x, 1); np.nanmin(x, axis=0, keepdims=True); np.nanmin(t, (0, 1)); np.nanprod(x, 1)
np.nansum(np.argsort(x)); np.quantile(x, 0.3); np.quantile(x, 0.3, 1)
np.quantile(x, 0.5, axis=0); np.quantile(v, [0.0, 0.4, 1.0]); np.quantile(x, [0.1, 0.7], 1)
np.quantile(t, 0.2, 1, keepdims=True)
np.quantile(x, [0.1, 0.7], axis=1, keepdims=True); np.percentile(x, 30)
np.percentile(x, [10, 90], 0)
np.average(x); np.average(x, 1); np.average(x, weights=y); np.average(v, weights=V)
np.average(x, 1, V + 3); np.average(t, axis=1, weights=V + 3, keepdims=True)
np.searchsorted(V, x); np.searchsorted(np.sort(v), V, "right"); np.searchsorted(np.sort(v), s)
np.interp(x, [-1.0, 0.5, 1.0], V); np.interp(V, np.sort(v), V); np.interp(V, [-9.0, 1.0, 9.0], v)
np.interp(x, [0.0, 0.4, 0.9], [1.0, 3.0, -1.0], left=7.0, right=s); np.interp(s, [0.0, 1.0], v[:2])
"""

ARITHMETIC = """
x + 1; 1 - x; x * [1.0, 2.0, 3.0]; [1, 2, 3] + v; x / 2; 2 / x; x ** 2; x ** 3; 2.0 ** x; x // 1
x % 1; -x; +x; abs(x); x + V; V * x; x * True; x - np.float64(2.0); np.int64(3) * x; x * 10**30
x + i; np.add(x, y); np.subtract(1.0, x); np.multiply(x, v); np.divide(x, 4); np.power(x, 2)
np.square(x); np.abs(x); np.fabs(x); np.negative(x); np.positive(x); np.sign(x); np.exp(x)
np.tanh(x); np.sqrt(x * x + 1); np.hypot(x, y); np.arctan2(x, y); np.logaddexp(x, y)
np.reciprocal(x + 5); x > y; x == 1.0; x != y; ~(x > 0); (x > 0) & (y > 0); (x > 0) | (y > 0)
np.logical_not(x > 0); np.isnan(x); np.isfinite(x); np.floor(x); np.ceil(x); np.rint(x); x * i
x ** i; np.remainder(x, 0.7); x - x.mean(0); (x > 0) * x; (x > 0) + 0.5; s * x; s + 1; s ** 2
s > 0; np.maximum(s, x); np.logical_and(x > 0, b); x @ np.ones((3, 2), np.float32)
np.argsort(x) & 1; np.argsort(x) | 2; np.argsort(x) ^ 3; ~np.argsort(x); np.argsort(x) << 1
6 >> np.argsort(v); (x > 0) ^ (y > 0); (x > 0) & i; True & (x > 0); np.argsort(x) & (x > 0)
~(x > 0) & (y > 0); i & np.argsort(v); -np.argsort(x) // 2; np.argsort(x) % 2; np.argsort(x) * 3 - 1
np.argsort(x) / 2; np.abs(np.argsort(x) - 1); np.sum(np.argsort(x)); i * (x > 0)
np.cumsum(np.argsort(x)); np.max(np.argsort(x)); np.argsort(x) > 1; np.prod(np.argsort(x) + 1)
"""

REFUSED = """
np.sum(x, 0, None, np.zeros(3)); np.mean(x, dtype=int); np.std(x, dtype=float)
np.var(x, mean=np.mean(x)); np.max(x, 0, np.zeros(3)); np.max(x, where=b)
np.sum(v, where=np.ones((2, 3), bool))
np.argmax(x, 0, np.zeros(3, int)); np.sort(x, order="f"); np.median(x, overwrite_input=True)
np.add.reduce(x, dtype=float); np.add.reduce(x, initial=1.0)
np.maximum.reduce(x, initial=0.0); np.add.reduce(x, where=b); np.add.accumulate(x, dtype=float)
np.multiply.accumulate(x); np.subtract.reduce(x); np.divide.reduce(x); np.add.at(x, 0, 1.0)
np.reshape(x, 6, "A"); np.ravel(x, "K"); np.ravel(x, "A"); np.reshape(x, 6, copy=True)
np.concatenate([x, y], dtype=np.float32); np.stack([x, y], casting="unsafe");
np.hstack([x, y], dtype=np.float32); np.ones_like(x, dtype=complex)
np.broadcast_to(v, (2, 3), subok=True); x[True]; np.take(v, [0.5]); np.linalg.svd(x)
np.linalg.qr(m, "complete"); np.linalg.eig(m); np.linalg.lstsq(B, V, 0.1 * s)
np.einsum("i,i->", v, V, dtype=float); np.add(x, y, dtype=np.float32); np.exp(x, casting="unsafe")
np.add(x, y, where=b); np.exp(x, order="F"); np.matmul(m, m, axes=[(0, 1), (0, 1), (0, 1)])
np.trace(m, dtype=float); np.quantile(x, 0.5, method="lower")
np.quantile(x, 0.5, weights=x, method="inverted_cdf"); np.clip(x, 0, 1, dtype=np.float32)
np.linalg.pinv(x, 1e-3); np.linalg.pinv(m, hermitian=True); x.astype(int, casting="safe")
np.pad(v, 1, mode="mean"); np.pad(v, 1, "linear_ramp", end_values=2); np.linalg.eigvals(m)
np.take(V, np.argmax(v)); np.round(x > 0); np.round(np.argsort(x), -1); x.astype(complex)
x.astype(object); np.median(x, out=np.zeros(())); np.clip(x, 0, 1, out=np.zeros((2, 3)))
"""

WRONG = """
np.sum(x, 2); np.sum(x, (0, 0)); np.mean(x, -3); np.max(x[:0], 0); np.argmax(x, 5); np.sort(x, 2)
np.reshape(x, 4); np.reshape(x, (-1, -1)); np.transpose(x, (0, 0)); np.transpose(t, (0, 1))
np.swapaxes(x, 0, 2); np.moveaxis(t, [0, 1], [0]); np.moveaxis(t, [0, 0], [1, 2]); np.flip(x, 3)
np.roll(x, 1, 2); np.broadcast_to(v, (2,)); np.expand_dims(x, 5); np.expand_dims(x, (0, 0))
np.squeeze(x, 0); np.squeeze(t[:0], 1); np.concatenate([x, v]); np.concatenate([x, t])
np.stack([x, v]); np.stack([x, s]); np.stack([s, v]); np.vstack([x, B]); np.hstack([x, v])
np.column_stack([v, V[:2]]); x[2]; x[0, 3]; x[-3]; x[0, 0, 0]; x[..., ...]; v[[3]]
v[np.array([-4, 0])]; x[:, [0, 5]]; v[0.5]; v[[0.5]]; v["a"]; np.take(x, 6); np.take(x, [0, 2], 0)
np.take(v, -4); np.take(v, 0, mode="other"); np.take(v, 0, 1); np.take_along_axis(x, j, 0)
np.take_along_axis(x, j + 1, 1); v[np.argmax(v) + 3]; np.take(v, np.argmax(v) + 3)
x[:, np.argsort(v) + 1]; np.matmul(x, x); x @ s; np.dot(x, x); np.dot(t, t); np.inner(x, m[:, :2])
np.vdot(x, v); np.tensordot(x, m, 2); np.tensordot(x, m, axes=([0], [0]))
np.tensordot(x, m, axes=([0, 1], [0])); np.linalg.norm(v, "fro"); np.linalg.norm(v, "nuc")
np.linalg.norm(m, 3); np.linalg.norm(m, 0); np.linalg.norm(t, 1); np.linalg.norm(t, 2, (0, 1, 2))
np.tile(v, -1); np.repeat(v, [1, 2]); np.pad(v, -1); np.quantile(x, 1.5); np.interp(s, x, x)
np.quantile(x[:0], 0.5, 0); np.average(x, 0, v); np.cumprod(x, 3)
np.linalg.inv(x); np.linalg.solve(m, x); np.linalg.cholesky(v)
np.linalg.norm(x, 1, (0, 0)); np.linalg.norm(x, 1, 2); np.clip(x, 0, min=0)
np.einsum("ij,jk", x, x); np.einsum("ij", v); np.diff(v, -1); x & y; ~x; x | 1; x << 1; (x > 0) & y
x + np.ones(4); x * y.T; (x > 0) << 1.0
x[0][None, 5:, 3]
"""


def calls(table: str) -> list[str]:
    return [call.strip() for call in table.replace("\n", ";").split(";") if call.strip()]


RIGHT = calls(
    SUMS + ORDERS + SHAPES + INDICES + PRODUCTS + EVERYDAY + LINEAR_ALGEBRA + ARITHMETIC
    + UFUNCS + PARTS + CHOICES + SERIES
)  # fmt: skip


def evaluated(code: CodeType, *values: Any) -> Any:
    return eval(code, {**CONSTANTS, **dict(zip(TRACED, values, strict=True))})


def along(direction: Sequence[Any], function: Any, step: float) -> Any:
    """The function's central difference in a direction."""
    ahead, behind = (
        function(*(one + shift * d for one, d in zip(TRACED.values(), direction, strict=True)))
        for shift in (step, -step)
    )
    return (np.asarray(ahead) - behind) / (2 * step)


@pytest.mark.parametrize("call", RIGHT)
@np.errstate(all="ignore")
def test_a_call_means_what_it_means_to_numpy(call: str) -> None:
    compared(call)


@pytest.mark.parametrize("call", calls(KNOWN))
@np.errstate(all="ignore")
def test_numbers_that_are_known_may_say_which_shape_there_is(call: str) -> None:
    compared(call, concrete_only=True)
    code = compile(call, call, "eval")
    with pytest.raises(OptserveError) as caught:
        trace(lambda *values: evaluated(code, *values), *TRACED.values())
    assert caught.value.remedy


def compared(call: str, concrete_only: bool = False) -> None:
    code = compile(call, call, "eval")
    arrays = tuple(TRACED.values())

    def function(*values: Any) -> Any:
        return evaluated(code, *values)

    expected = np.asarray(function(*arrays))
    concrete, pullback = vjp(function, *arrays)
    found_all: list[Any] = [concrete]
    if not concrete_only:
        traced = trace(function, *arrays)
        verify(traced.graph)
        found_all += interpret(traced.graph, *arrays, *traced.captured)
    for found in found_all:
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
        assert (np.shape(found), np.asarray(found).dtype) == (expected.shape, expected.dtype)
    if expected.dtype.kind != "f":
        return
    rng = np.random.default_rng(3)
    cotangent: Any = rng.standard_normal(expected.shape).astype(expected.dtype)
    direction = [np.asarray(rng.standard_normal(np.shape(one))) for one in TRACED.values()]
    back = zip(pullback(cotangent), direction, strict=True)
    pulled = float(sum(np.sum(ct * one) for ct, one in back))
    pushed = float(np.sum(jvp(function, arrays, direction)[1] * cotangent))
    np.testing.assert_allclose(pushed, pulled, rtol=1e-6, atol=1e-12)
    if expected.dtype == np.float64:
        slope = float(np.sum(along(direction, function, 1e-6) * cotangent))
        np.testing.assert_allclose(pulled, slope, rtol=1e-5, atol=1e-6)


def test_every_function_of_the_vocabulary_is_called() -> None:
    called = {
        eval(name)
        for name in re.findall(r"np\.[a-z_0-9.]+(?=\()", ";".join([*RIGHT, *calls(KNOWN)]))
    }
    unnamed: set[Any] = {operator.getitem, np.shape}
    assert called | unnamed >= MEANING.functions.keys()


@pytest.mark.parametrize("call", calls(REFUSED))
def test_what_is_not_supported_is_refused_with_a_remedy(call: str) -> None:
    code = compile(call, call, "eval")
    for concrete in (False, True):
        with pytest.raises(OptserveError) as caught:
            trace(
                lambda *values: evaluated(code, *values),
                *TRACED.values(),
                concrete=concrete,
            )
        assert caught.value.remedy or caught.value.expected
        assert caught.value.place is not None


@pytest.mark.parametrize("call", calls(WRONG))
def test_what_numpy_refuses_is_refused(call: str) -> None:
    code = compile(call, call, "eval")
    with pytest.raises((ValueError, TypeError, IndexError)):
        evaluated(code, *TRACED.values())
    with pytest.raises(OptserveError) as caught:
        vjp(lambda *values: evaluated(code, *values), *TRACED.values())
    assert caught.value.place is not None
