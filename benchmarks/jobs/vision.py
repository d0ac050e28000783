"""Vision: a bundle adjustment, and the gradient of hand tracking (``ht`` of GradBench)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.jobs.job import Job

__all__ = ["JOBS"]

HAND = Path(__file__).resolve().parents[1] / "data" / "hand"
BONES = 22
FINGERS = 5


def _scene(folder: Path, size: int) -> None:
    """Points before cameras that look at them from an arc; all are seen by all, with noise."""
    rng = np.random.default_rng(0)
    cameras = 6
    points = rng.uniform(-1.0, 1.0, (size, 3))
    angles = np.linspace(-0.6, 0.6, cameras)
    pose = np.zeros((cameras, 6))
    pose[:, 1], pose[:, 5] = angles, 6.0
    pose[:, 3:] += 0.1 * rng.standard_normal((cameras, 3))
    camera, point = (at.ravel() for at in np.indices((cameras, size)))
    seen = _projected(pose[camera], points[point]) + rng.standard_normal((len(camera), 2)) / 2
    table = np.column_stack([camera, point, seen])
    names, form = "camera,point,u,v", ["%d", "%d", "%.6f", "%.6f"]
    np.savetxt(folder / "seen.csv", table, delimiter=",", header=names, comments="", fmt=form)
    pose0 = pose + 0.02 * rng.standard_normal(pose.shape)
    pose0[0] = pose[0]
    points0 = points + 0.05 * rng.standard_normal(points.shape)
    np.savez(folder / "starts.npz", pose0=pose0, points0=points0)


def _projected(pose: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Where cameras of focal length 800 see points; a pose is a rotation and a translation."""
    theta = np.linalg.norm(pose[:, :3], axis=1, keepdims=True) + 1e-12
    axis = pose[:, :3] / theta
    along = np.sum(axis * point, axis=1, keepdims=True) * (1 - np.cos(theta))
    turned = np.cos(theta) * point + np.sin(theta) * np.cross(axis, point) + along * axis
    moved = turned + pose[:, 3:]
    return np.asarray(800.0 * moved[:, :2] / moved[:, 2:])


def _hand(folder: Path, size: int) -> None:
    """The model and the points of GradBench: bones, skin, and which vertex each point is of."""
    bones = np.array([line.split(":")[2:34] for line in _lines("bones.txt")], dtype=float)
    relatives, inverses = bones.reshape(BONES, 2, 4, 4).swapaxes(0, 1)
    vertices = [line.split(":") for line in _lines("vertices.txt")]
    base = np.array([[*map(float, atoms[:3]), 1.0] for atoms in vertices])
    weights = np.zeros((len(vertices), BONES))
    for row, atoms in zip(weights, vertices, strict=True):
        for bone, weight in zip(atoms[9::2], atoms[10::2], strict=False):
            row[int(bone)] = float(weight)
    lines = [line.split() for line in _lines("hand6_t26_c1600.txt")[1:]]
    measured = np.array([line for line in lines if len(line) == 4], dtype=float)[:size]
    theta = np.array([line[0] for line in lines if len(line) == 1], dtype=float)
    np.savez(
        folder / "model.npz",
        relatives=relatives,
        inverses=inverses,
        base=base,
        weights=weights,
        angle=_angles(),
        theta0=theta,
    )
    names = "vertex,x,y,z"
    np.savetxt(
        folder / "points.csv",
        measured,
        delimiter=",",
        header=names,
        comments="",
        fmt=["%d", *["%.9g"] * 3],
    )


def _lines(name: str) -> list[str]:
    return (HAND / name).read_text("utf-8").splitlines()


def _angles() -> np.ndarray:
    """Which entry of theta, or 26 for none, turns each bone about x, z and y.

    Bone 0 is the wrist, and the last one the forearm; of the four bones of a finger the first three
    bend, and the first one moves sideways too.
    """
    angle = np.full((BONES, 3), 26)
    entry = 6
    for finger in range(FINGERS):
        for joint in range(3):
            bone = 1 + 4 * finger + joint + 1
            angle[bone, 0] = entry
            entry += 1
            if joint == 0:
                angle[bone, 1] = entry
                entry += 1
    return angle


BUNDLE = """
version: 1
data:
  seen:
    read: seen.csv
    columns: {camera: {take: camera, as: integer}, point: {take: point, as: integer}, u: u, v: v}
  starts: {rows: false, read: starts.npz}
parameters:
  pose: {init: starts.pose0, fixed: ["[0]", "[1, 3]"]}   # else the scene has no place and size
  points: {init: starts.points0}
define:
  p: points[seen.point]
  r: pose[seen.camera, :3]
  theta: sqrt(sum(r**2, axis=1) + 1.0e-24)[:, None]
  axis: r / theta
  along: sum(axis * p, axis=1)[:, None] * (1 - cos(theta))
  moved: cos(theta) * p + sin(theta) * cross(axis, p) + along * axis + pose[seen.camera, 3:]
least_squares:
  u: seen.u - 800 * moved[:, 0] / moved[:, 2]
  v: seen.v - 800 * moved[:, 1] / moved[:, 2]
uncertainty: none
"""

BUNDLE_PEER = """
import json
import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix

data, starts = np.loadtxt("seen.csv", delimiter=",", skiprows=1), np.load("starts.npz")
camera, point, seen = data[:, 0].astype(int), data[:, 1].astype(int), data[:, 2:]
cameras, points = len(starts["pose0"]), len(starts["points0"])
first = starts["pose0"][:1]

def residual(at):
    pose = np.concatenate([first, at[: 6 * (cameras - 1)].reshape(-1, 6)])[camera]
    p = at[6 * (cameras - 1) :].reshape(-1, 3)[point]
    theta = np.linalg.norm(pose[:, :3], axis=1, keepdims=True) + 1e-12
    axis = pose[:, :3] / theta
    along = np.sum(axis * p, axis=1, keepdims=True) * (1 - np.cos(theta))
    turned = np.cos(theta) * p + np.sin(theta) * np.cross(axis, p) + along * axis
    moved = turned + pose[:, 3:]
    return (seen - 800 * moved[:, :2] / moved[:, 2:]).ravel()

# which parameters each residual depends on, as in SciPy's cookbook
sparsity = lil_matrix((2 * len(camera), 6 * (cameras - 1) + 3 * points), dtype=int)
rows = np.arange(len(camera))
for k in range(6):
    moving = camera > 0
    sparsity[2 * rows[moving], 6 * (camera[moving] - 1) + k] = 1
    sparsity[2 * rows[moving] + 1, 6 * (camera[moving] - 1) + k] = 1
for k in range(3):
    sparsity[2 * rows, 6 * (cameras - 1) + 3 * point + k] = 1
    sparsity[2 * rows + 1, 6 * (cameras - 1) + 3 * point + k] = 1

start = np.concatenate([starts["pose0"][1:].ravel(), starts["points0"].ravel()])
fit = least_squares(
    residual, start, jac_sparsity=sparsity, x_scale="jac", ftol=1e-10, method="trf"
)
json.dump({"loss": 2 * fit.cost}, open("answer.json", "w"))
"""

HAND_CONFIG = """
version: 1
data:
  seen: {read: points.csv, columns: {vertex: {take: vertex, as: integer}, xyz: {take: [x, y, z]}}}
  model:
    rows: false
    read: model.npz
    columns: {angle: {take: angle, as: integer}}
parameters:
  theta: {init: model.theta0}
define:
  # the turns of the bones, and their places one after another along each finger
  turn: concatenate((theta, [0]))[model.angle]
  c: cos(turn)
  s: sin(turn)
  cx: c[:, 0]
  cz: c[:, 1]
  cy: c[:, 2]
  sx: s[:, 0]
  sz: s[:, 1]
  sy: s[:, 2]
  about: "stack((
      stack((cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx), 1),
      stack((sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx), 1),
      stack((-sy, cy * sx, cy * cx), 1)), 1)"
  turned: concatenate((model.relatives[:, :, :3] @ about, model.relatives[:, :, 3:]), 2)
  finger: reshape(turned[1:21], (5, 4, 4, 4))
  wrist: turned[0]
  first: wrist @ finger[:, 0]
  second: first @ finger[:, 1]
  third: second @ finger[:, 2]
  fourth: third @ finger[:, 3]
  fingers: reshape(stack((first, second, third, fourth), 1), (20, 4, 4))
  absolutes: concatenate((turned[:1], fingers, (wrist @ turned[21])[None]))
  # the skin follows the bones by its weights; then all of it turns and moves
  skin: einsum("vb,bij,vj->vi", model.weights, absolutes @ model.inverses, model.base)[:, :3]
  angle: sqrt(sum(theta[:3]**2))
  n: theta[:3] / angle
  along: (skin @ n)[:, None] * (1 - cos(angle)) * n
  placed: cos(angle) * skin + sin(angle) * cross(n[None], skin) + along + theta[3:6]
least_squares: seen.xyz - placed[seen.vertex]
optimizer: none
"""

HAND_PEER = """
import json
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
data, model = np.loadtxt("points.csv", delimiter=",", skiprows=1), np.load("model.npz")
vertex, seen = data[:, 0].astype(int), data[:, 1:]
relatives, inverses, base, weights = (
    model[name] for name in ("relatives", "inverses", "base", "weights")
)

def loss(theta):
    turn = jnp.append(theta, 0.0)[model["angle"]]
    (cx, cz, cy), (sx, sz, sy) = jnp.cos(turn).T, jnp.sin(turn).T
    about = jnp.stack([
        jnp.stack([cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx], 1),
        jnp.stack([sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx], 1),
        jnp.stack([-sy, cy * sx, cy * cx], 1),
    ], 1)
    turned = jnp.concatenate([relatives[:, :, :3] @ about, relatives[:, :, 3:]], 2)
    finger = turned[1:21].reshape(5, 4, 4, 4)
    wrist = turned[0]
    places = [wrist @ finger[:, 0]]
    for joint in (1, 2, 3):
        places.append(places[-1] @ finger[:, joint])
    fingers = jnp.stack(places, 1).reshape(20, 4, 4)
    absolutes = jnp.concatenate([turned[:1], fingers, (wrist @ turned[21])[None]])
    skin = jnp.einsum("vb,bij,vj->vi", weights, absolutes @ inverses, base)[:, :3]
    angle = jnp.sqrt(jnp.sum(theta[:3] ** 2))
    n = theta[:3] / angle
    along = (skin @ n)[:, None] * (1 - jnp.cos(angle)) * n
    placed = jnp.cos(angle) * skin + jnp.sin(angle) * jnp.cross(n, skin) + along + theta[3:6]
    return jnp.sum((seen - placed[vertex]) ** 2)

value, gradient = jax.jit(jax.value_and_grad(loss))(model["theta0"])
json.dump({"loss": float(value), "gradient.theta": gradient.tolist()}, open("answer.json", "w"))
"""

JOBS = (
    Job(
        name="bundle",
        title="A bundle adjustment: 6 cameras, 80 points, 960 residuals, 269 parameters.",
        data=_scene,
        size=80,
        small=12,
        config=BUNDLE,
        peer="SciPy",
        needs=("scipy",),
        script=BUNDLE_PEER,
        same={"loss": 1e-6},
    ),
    Job(
        name="hand",
        title="The gradient of hand tracking, 26 parameters, 1,600 points of 544 vertices.",
        data=_hand,
        size=1_600,
        small=100,
        config=HAND_CONFIG,
        peer="jax",
        needs=("jax",),
        script=HAND_PEER,
        same={"loss": 1e-10, "gradient.theta": 1e-9},
    ),
)
