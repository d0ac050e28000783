"""More calls of NumPy's functions, for ``test_numpy_calls``; those of ``KNOWN`` need numbers."""

from __future__ import annotations

__all__ = ["CHOICES", "KNOWN", "LINEAR_ALGEBRA", "PARTS", "SERIES", "UFUNCS"]

UFUNCS = """
np.cbrt(x); np.copysign(x, y); np.copysign(2.0, v); np.deg2rad(x); np.degrees(x); np.rad2deg(x)
np.radians(x); np.divmod(x, 0.7)[0]; np.divmod(x, v)[1]; divmod(x, 0.7)[1]; np.float_power(2.0, x)
np.float_power(abs(x), y); np.fmax(x, y); np.fmin(x, np.where(y > 0, np.nan, y)); np.fmod(x, 0.7)
np.fmod(x, -0.7); np.fmod(3.7, v); np.frexp(x)[0]; np.frexp(x)[1]; np.gcd(np.argsort(v) * 4, 6)
np.lcm(np.argsort(v), 6); np.heaviside(x, 0.5); np.heaviside(0.0 * x, v); np.isinf(1 / (x > 0))
np.ldexp(x, 3); np.ldexp(x, np.argsort(x) - 1); np.logaddexp2(x, y); np.logical_xor(x > 0, y > 0)
np.matvec(m, v); np.matvec(t, V.repeat(4)[:4]); np.vecmat(v, m); np.vecdot(x, y); np.modf(x)[0]
np.modf(3 * x)[1]; np.nextafter(x, 9.0); np.signbit(x); np.spacing(x); np.trunc(3 * x)
np.bitwise_count(np.argsort(x)); np.conj(x); np.conjugate(x); x.conj(); x.conjugate(); np.real(x)
np.imag(x); x.real; x.imag; np.angle(x); np.angle(x, deg=True); np.fix(3 * x); np.iscomplex(x)
np.isreal(x); np.iscomplexobj(x); np.isrealobj(x); np.isneginf(np.log(x * (x > 0)))
np.isposinf(1 / (x > 0)); np.nan_to_num(np.log(x)); np.nan_to_num(1 / (x > 0), posinf=7.0)
np.nan_to_num(np.log(x * (x > 0)), nan=3.0, neginf=-5.0); np.real_if_close(x); np.sinc(x)
np.sinc(1e-9 * x); np.sinc(5 * x); np.i0(x); np.i0(40 * x); np.i0(s); np.result_type(x) == float
np.can_cast(x, np.float32) * x; np.empty_like(x) * 0.0; np.sinc(s)
"""

PARTS = """
np.atleast_3d(v); np.atleast_3d(x); np.atleast_3d(s, t)[0]; np.dstack([v, V]); np.dstack([x, y])
np.block([[x, y], [v, V]]); np.block([v, s]); np.block([[m, v[:, None]], [v, s]]); np.block(x)
np.concatenate(x); np.stack(x); np.stack(x, 1); np.vstack(t); np.vstack(v); np.hstack(t)
np.hstack(v); np.column_stack(m); np.dstack(x); np.tril(v); np.triu(v, 1)
np.fft.fftshift(v); np.fft.fftshift(x); np.fft.fftshift(t, 1); np.fft.ifftshift(v)
np.fft.ifftshift(x, (0, 1)); np.fft.ifftshift(t, axes=[0, -1]); np.append([s, 1.0], v)
np.append(x, y); np.append(x, y, 0); np.append(v, 2.0); np.append(x, y, axis=1); np.split(v, 3)[1]
np.split(x, [1, 2], axis=1)[2]; np.split(t, 2, 2)[0]; np.split(v, [2, 9])[1]
np.array_split(v, 2)[0]; np.array_split(t, 3, axis=-1)[2]; np.array_split(v, 5)[4]
np.hsplit(x, 3)[1]; np.hsplit(v, [1])[1]; np.vsplit(x, 2)[1]; np.dsplit(t, 2)[1]; np.unstack(x)[1]
np.unstack(x, axis=1)[2]; np.delete(v, 1); np.delete(x, [0, 2], 1)
np.delete(x, slice(1, None), axis=1); np.delete(x, 2); np.delete(v, b); np.insert(v, 1, 9.0)
np.insert(x, 1, s, axis=0); np.insert(x, 1, v, axis=0); np.insert(v, [0, 2], [s, 8.0])
np.insert(x, [1, 2], y[:, :2], axis=1); np.insert(v, 1, V); np.insert(x, 2, [7.0, 8.0], axis=1)
np.resize(v, 7); np.resize(x, (2, 2)); np.resize(v, (2, 4)); np.rollaxis(t, 2); np.rollaxis(t, 0, 2)
np.rollaxis(t, 1, -1); np.rot90(x); np.rot90(x, 2); np.rot90(t, 3, (1, 2)); np.rot90(x, -1)
np.fliplr(x); np.flipud(x); np.broadcast_arrays(v, x)[0]; np.broadcast_arrays(s, V)[0]
np.matrix_transpose(t); np.linalg.matrix_transpose(x); t.mT; np.diagflat(v); np.diagflat(x, 1)
np.astype(x, np.float32); np.array([s, 1.0, s * s]); np.array([x, y]); np.array([[s, 1], [2.0, s]])
np.array(x); np.array(v, ndmin=2); np.array([s, s], dtype=np.float32); np.asarray(x)
np.asarray([v, V]); np.asanyarray(list(x)); np.ascontiguousarray(x.T); np.full((2, 2), s)
np.full(3, v); np.full_like(V, s); np.r_[v, 1.0, s, 0:3]; np.r_[x, y]; np.c_[v, V]; np.c_[x, y]
np.c_[v, v**2, np.ones(3)]; np.array([np.sum(x), *v]); np.array((s, [1.0][0]))
sum(np.array([s, s]))
"""

CHOICES = """
np.select([x > 1, x > 0], [x, 2 * x]); np.select([x > 1, x > 0], [x, 2 * x], 7.0)
np.select([v > 0], [v], default=s); np.choose(i % 3, [v, V, 2 * v]); np.choose(2, [v, V, 2 * v])
np.choose(np.argsort(v), [v, V], mode="clip"); np.choose([4, 1, 2], [v, V], mode="wrap")
np.piecewise(x, [x < 0, x > 1], [lambda z: -z, lambda z: z**2, 5.0])
np.piecewise(x, [x > 0], [1.0]); np.piecewise(v, [v > 0, v > 2.5], [lambda z, a: a * z, 0.0], s)
np.compress([True, False, True], v); np.compress(b, x, axis=1); v.compress(b); np.extract(b, v)
np.extract(b[None], v[None]); v[b]; x[:, b]; x[b[:2]]; m[np.eye(3, dtype=bool)]; t[:, b, 0]
v[[True, False, True]]; t[x[0] > 9] if False else x
t[np.array([[True, False, True], [False, False, True]])]; np.count_nonzero(x > 0)
np.count_nonzero(x > 0, axis=1); np.count_nonzero(x > 0, 0, keepdims=True); np.isclose(x, y)
np.isclose(x, x + 1e-9); np.isclose(np.log(x), np.log(x), equal_nan=True); np.allclose(x, x + 1e-12)
np.allclose(x, y, rtol=0.5); np.array_equal(x, x); np.array_equal(x, y)
np.array_equal(np.log(x), np.log(x), equal_nan=True); np.array_equiv(x, x[None])
np.digitize(x, V[[1, 0, 2]]); np.digitize(x, [1.0, 0.0, -1.0])
np.digitize(x, [-1.0, 0.0, 1.0], right=True); np.isin(i, np.argsort(v))
np.isin(x, [1.0, 2.0], invert=True); np.partition(v, 1); np.argpartition(v, 2); v.argpartition(0)
np.nanargmax(np.log(abs(x)), 1); np.nanargmin(x); np.bincount([0, 2, 2], v)
np.bincount([1, 1, 0], V, 4) * s; np.diff(x, prepend=0.0); np.diff(x, append=y, axis=0)
np.diff(v, 2, prepend=[s, 1.0]); np.zeros_like(x, shape=(2,)); np.full_like(x, s, shape=(2,))
np.ones_like(x, shape=3); x.cumprod(1); x.diagonal(); m.diagonal(1); x.repeat(2); x.repeat(2, 1)
np.sort(v).searchsorted(V); x * x.itemsize; x * x.nbytes; sum(x.flat); x.flat[4]
"""

KNOWN = """
np.argsort(v).choose([v, V, v * V]); x[x > 0]; x[:, v > 0]; np.where(x > 0)[0]; np.nonzero(x)[1]
x.nonzero()[0]; np.flatnonzero(v > 0); np.argwhere(x > 0); np.compress(v > 0, v)
np.extract(x > 0, x); np.unique(v); np.unique(np.abs(v))
np.unique(np.floor(x), return_counts=True)[1]; np.unique(x, return_inverse=True)[1]
np.unique(m, axis=0); np.unique(v, return_index=True, return_inverse=True, return_counts=True)[0]
np.unravel_index(np.argmax(x), (2, 3))[1]; np.lexsort((v, V)); np.bincount(np.argsort(v))
np.ravel_multi_index((np.argmax(v), 1), (3, 3)); np.delete(v, v > 2.5)
np.piecewise(v, [v > 0], [lambda z: z - z.mean(), lambda z: z.sum() + 0 * z])
np.insert(v, np.argmax(v), s); np.array_split(v, np.argsort(v)[:1])[1]; np.where(v > 0)[0] * s
"""

SERIES = """
np.sum(x, dtype=float); np.sum(x, 0, np.float32); x.sum(0, float); x.sum(dtype=int)
np.prod(x, 1, np.float64); np.cumsum(x, dtype=np.float64); np.cumsum(x > 0, 0, float)
np.convolve(v, V); np.convolve(v, V[:2], "same"); np.convolve(V[:2], v, mode="valid")
np.convolve(v, x[0], "same"); np.correlate(v, V, "full"); np.correlate(v, V)
np.correlate(V[:2], v, "full"); np.correlate(v, V[:2], "same"); np.trapezoid(v)
np.trapezoid(x, dx=0.5); np.trapezoid(x, V, axis=1); np.trapezoid(x, y); np.trapezoid(t, axis=0)
np.ediff1d(x); np.ediff1d(v, to_begin=s, to_end=[1.0, 2.0]); np.gradient(v); np.gradient(v, 0.5)
np.gradient(x)[1]; np.gradient(t, axis=2); np.gradient(v, np.sort(V))
np.gradient(t, 2.0, axis=(0, 2))[1]; np.gradient(v, edge_order=2)
np.gradient(t, V, axis=1, edge_order=2); np.gradient(t, 2.0, V, 0.5)[1]; np.unwrap(5 * v)
np.unwrap(5 * x, axis=0); np.unwrap(9 * v, period=4.0); np.unwrap(5 * v, 4.0); np.ptp(x)
np.ptp(x, 1); np.ptp(x, axis=0, keepdims=True); np.cov(x); np.cov(v); np.cov(v, V)
np.cov(x, rowvar=False); np.cov(x, bias=True); np.cov(x, ddof=0); np.cov(x, fweights=[1, 2, 1])
np.cov(x, aweights=V**2); np.cov(x, y, False); np.corrcoef(x); np.corrcoef(v, V)
np.corrcoef(m, rowvar=False); np.linspace(s, 3.0, 4); np.linspace(0.0, v, 3)
np.linspace(s, 2.0, 5, endpoint=False); np.linspace(v, V, 3, axis=1)
np.linspace(s, 2.0, 3, retstep=True)[1]; np.logspace(s, 2.0, 3); np.logspace(0.0, s, 3, base=2.0)
np.geomspace(s, 8.0, 4); np.geomspace(-s, -8.0, 3); np.apply_along_axis(np.sum, 1, x)
np.apply_along_axis(np.sort, 0, x); np.apply_along_axis(np.outer, 1, x, V); np.polyval(v, s)
np.polyval(v, x); np.polyval([1.0, 2.0], x); np.polyder(v); np.polyder(v, 2); np.polyint(v)
np.polyint(v, 2, [s, 1.0]); np.polyadd(v, [1.0, s]); np.polysub([2.0], v); np.polymul(v, V)
np.vander(v); np.vander(v, 2); np.vander(v, 4, increasing=True); np.nancumsum(np.log(x))
np.nancumprod(x, 1); np.cumulative_sum(x, axis=1); np.cumulative_prod(v)
np.cumulative_sum(v, include_initial=True); np.cumulative_prod(x, axis=0, include_initial=True)
np.nanmedian(x); np.nanmedian(np.sqrt(x), 1); np.nanmedian(np.log(t), axis=(0, 2), keepdims=True)
np.nanquantile(np.sqrt(x), 0.3); np.nanquantile(x, [0.1, 0.9], axis=1)
np.nanpercentile(np.sqrt(t), [10, 60], 2, keepdims=True); np.nanpercentile(x, 40)
np.quantile(t, 0.5, (0, 1)); np.quantile(t, [0.2, 0.7], (0, 2), keepdims=True)
np.median(t, axis=(0, 1)); np.average(x, 0, None, True)[0]
np.average(x, 1, V + 3, returned=True)[1] * s; np.interp(x, [0.0, 1.0, 2.5], v, period=3.0)
np.interp(s, V + 5, v, period=-3); np.searchsorted(V, s, sorter=[1, 0, 2])
np.meshgrid(v, V, sparse=True)[1]; np.meshgrid(v, V, x[0], sparse=True, indexing="ij")[2]
np.einsum("ii", m); np.einsum("ii->i", m); np.einsum("...i->...", t)
np.einsum("...i,i", t[..., :3], v); np.einsum(x, [0, 1], m, [1, 2], [0, 2])
np.einsum("...ij,...jk->...ik", t, A); np.einsum("iij->j", t[:, :2]); np.linalg.cond(m)
np.linalg.cond(x, -2); np.linalg.cond(m, 1); np.linalg.cond(t[:, :3, :3], "fro")
np.linalg.matmul(x, m); np.linalg.matrix_norm(t); np.linalg.matrix_norm(m, ord=2, keepdims=True)
np.linalg.matrix_rank(x); np.linalg.matrix_rank(t); np.linalg.outer(v, V)
np.linalg.tensordot(x, m, axes=1); np.linalg.tensorinv(np.reshape(m, (3, 3, 1)), 1)
np.linalg.tensorsolve(m, V); np.linalg.vecdot(x, y); np.linalg.vecdot(x, y, axis=0)
np.linalg.vector_norm(x); np.linalg.vector_norm(t, axis=(0, 2), ord=1)
np.linalg.vector_norm(t, axis=1, keepdims=True)
np.linalg.vector_norm(t, axis=(1, 2), keepdims=True); np.array2string(x) == ""
np.array_repr(x) == ""; np.array_str(x) == ""
"""

LINEAR_ALGEBRA = """
np.linalg.cholesky(m @ m.T); np.linalg.cholesky(m @ m.T, upper=True); np.linalg.solve(m, V)
np.linalg.solve(np.stack([m, 2 * m, m + 3 * np.eye(3)]), v)
np.linalg.solve(m + 3 * np.eye(3), m); np.linalg.solve(t[:, :, :3], B); np.linalg.inv(m)
np.linalg.det(m); np.linalg.det(t[:, :, 1:]); np.linalg.slogdet(m)[1]; np.linalg.slogdet(m).sign
np.linalg.slogdet(m).logabsdet; np.linalg.eigh(m + m.T)[0]; np.linalg.eigh(m + m.T).eigenvalues
np.linalg.eigh(m, UPLO="U")[0]; np.linalg.eigh(m)[1] ** 2; np.linalg.eigvalsh(m)
np.linalg.eigh(m)[1]; np.linalg.eigh(m, "U")[1]; np.linalg.eigh(m @ m.T, "U").eigenvectors
np.linalg.eigvalsh(m, "U"); np.linalg.svd(m)[1]; np.linalg.svd(x, False).S; np.linalg.svdvals(t)
np.linalg.svd(t, compute_uv=False); np.linalg.qr(m).R ** 2; np.linalg.qr(x.T)[0] ** 2
np.linalg.qr(t, mode="r") ** 2; np.linalg.lstsq(x.T, V)[0]; np.linalg.lstsq(x.T, V)[1]
np.linalg.lstsq(x.T, m)[1]; np.linalg.lstsq(m, V)[1]; np.linalg.lstsq(x.T, V)[3]
np.linalg.lstsq(x.T, V)[2] * v; np.linalg.lstsq(x, B.T, None)[0]
np.linalg.pinv(x); np.linalg.pinv(t); np.linalg.matrix_power(m, 3); np.linalg.matrix_power(m, -2)
np.linalg.matrix_power(m, 0); np.linalg.multi_dot([x, m, v]); np.linalg.cross(x, y)
np.linalg.cross(m, m.T, axis=0); np.cross(v, V); np.cross(x, v); np.cross(m, V, axis=-1)
np.cross(m, m.T, 0, 1, 0); np.cross(m, m.T, axisa=0, axisc=0); np.cross(v, m, axisb=0, axisc=-2)
np.kron(v, V); np.kron(x, m); np.kron(v, m); np.kron(2, x); np.trace(m)
np.trace(t); np.trace(t, 1, 2, 1)
np.trace(x > 0); np.linalg.trace(t); np.linalg.trace(t, offset=-1); np.diag(v); np.diag(v, -1)
np.diag(m); np.diag(x, 1); np.diagonal(t); np.diagonal(t, 1, 2, 1); np.linalg.diagonal(t, offset=1)
np.tril(m); np.tril(t, 1); np.triu(x, -1); np.triu(m, k=1); np.tril(x > 0)
np.linalg.norm(m, 2); np.linalg.norm(m, -2); np.linalg.norm(m, "nuc"); np.linalg.norm(t, 2, (0, 1))
np.linalg.norm(t, "nuc", (2, 1), keepdims=True)
"""
