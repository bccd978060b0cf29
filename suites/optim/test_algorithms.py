"""Each optimizer against its documented algorithm in NumPy, step by step in float64; what it keeps is in test_state."""

import numpy
import pytest
import torch

from torchproof import close, fact

START = numpy.array([[1.0, -2.0, 0.5], [3.0, -0.25, 4.0]])
GRADIENTS = [
    numpy.array([[0.5, -1.0, 2.0], [0.25, 3.0, -0.75]]),
    numpy.array([[1.5, 0.5, -2.0], [0.25, 0.0, -0.75]]),
    numpy.array([[-1.0, 0.5, 1.0], [0.125, 2.0, -1.75]]),
    numpy.array([[0.75, 0.25, 1.0], [-2.0, 2.0, 0.5]]),
    numpy.array([[0.5, -0.5, 0.0], [1.0, -1.0, 0.5]]),
    numpy.array([[0.25, -1.5, 3.0], [2.0, 1.0, -0.5]]),
]


def sgd(w, gradients, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
    for t, g in enumerate(gradients):
        g = g + weight_decay * w
        b = g if t == 0 else momentum * b + (1 - dampening) * g  # noqa: F821
        w = w - lr * (g + momentum * b if nesterov else b if momentum else g)
        yield w


def adam(w, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, decoupled=False):
    m = v = largest = 0
    for t, g in enumerate(gradients, start=1):
        g, w = (g, w * (1 - lr * weight_decay)) if decoupled else (g + weight_decay * w, w)
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
        largest = numpy.maximum(largest, v)
        second = (largest if amsgrad else v) / (1 - betas[1] ** t)
        w = w - lr * m / (1 - betas[0] ** t) / (numpy.sqrt(second) + eps)
        yield w


def adamw(w, gradients, weight_decay=1e-2, **options):
    return adam(w, gradients, weight_decay=weight_decay, decoupled=True, **options)


def adamax(w, gradients, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
    m = u = 0
    for t, g in enumerate(gradients, start=1):
        g = g + weight_decay * w
        m, u = betas[0] * m + (1 - betas[0]) * g, numpy.maximum(betas[1] * u, abs(g) + eps)
        w = w - lr / (1 - betas[0] ** t) * m / u
        yield w


def nadam(
    w, gradients, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
    decoupled_weight_decay=False,
):  # fmt: skip
    m = v = 0
    mu = [betas[0] * (1 - 0.96 ** (t * momentum_decay) / 2) for t in range(1, len(gradients) + 2)]
    for t, g in enumerate(gradients, start=1):
        g, w = (g, w - lr * weight_decay * w) if decoupled_weight_decay else (g + weight_decay * w, w)
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
        first = mu[t] * m / (1 - numpy.prod(mu[: t + 1])) + (1 - mu[t - 1]) * g / (1 - numpy.prod(mu[:t]))
        w = w - lr * first / (numpy.sqrt(v / (1 - betas[1] ** t)) + eps)
        yield w


def radam(w, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False):
    m = v = 0
    most = 2 / (1 - betas[1]) - 1
    for t, g in enumerate(gradients, start=1):
        g, w = (g, w - lr * weight_decay * w) if decoupled_weight_decay else (g + weight_decay * w, w)
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
        rho = most - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
        change = m / (1 - betas[0] ** t)
        if rho > 5:
            rectified = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)
            change = change * numpy.sqrt(rectified) * numpy.sqrt(1 - betas[1] ** t) / (numpy.sqrt(v) + eps)
        w = w - lr * change
        yield w


def adagrad(w, gradients, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10):
    total = initial_accumulator_value
    for t, g in enumerate(gradients):
        g = g + weight_decay * w
        total = total + g**2
        w = w - lr / (1 + t * lr_decay) * g / (numpy.sqrt(total) + eps)
        yield w


def adadelta(w, gradients, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0):
    v = u = 0
    for g in gradients:
        g = g + weight_decay * w
        v = rho * v + (1 - rho) * g**2
        change = numpy.sqrt(u + eps) / numpy.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * change**2
        w = w - lr * change
        yield w


def rmsprop(w, gradients, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
    v = mean = b = 0
    for g in gradients:
        g = g + weight_decay * w
        v, mean = alpha * v + (1 - alpha) * g**2, alpha * mean + (1 - alpha) * g
        b = momentum * b + g / (numpy.sqrt(v - mean**2 if centered else v) + eps)
        w = w - lr * b
        yield w


def rprop(w, gradients, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, before = numpy.full_like(w, lr), numpy.zeros_like(w)
    for g in gradients:
        agree = numpy.sign(g * before)
        size = numpy.clip(size * numpy.choose(agree.astype(int) + 1, [etas[0], 1, etas[1]]), *step_sizes)
        before = numpy.where(agree < 0, 0, g)
        w = w - size * numpy.sign(before)
        yield w


def asgd(w, gradients, lr=1e-2, lambd=1e-4, alpha=0.75, weight_decay=0):
    for t, g in enumerate(gradients):
        eta = lr / (1 + lambd * lr * t) ** alpha
        w = w - eta * (g + weight_decay * w + lambd * w)
        yield w


def adafactor(w, gradients, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0):
    rows = columns = 0
    smallest = numpy.finfo(w.dtype).eps if eps[0] is None else eps[0]
    for t, g in enumerate(gradients, start=1):
        new = t**beta2_decay
        size = max(eps[1], numpy.sqrt((w**2).mean())) * min(lr, 1 / numpy.sqrt(t))
        w = w - lr * weight_decay * w
        rows = (1 - new) * rows + new * (g**2).mean(1, keepdims=True)
        columns = (1 - new) * columns + new * (g**2).mean(0, keepdims=True)
        change = g / numpy.maximum(numpy.sqrt(rows * columns / numpy.maximum(rows.mean(), smallest)), smallest)
        w = w - size * change / max(1, numpy.sqrt((change**2).mean()) / d)
        yield w


def opposite(algorithm):
    """The algorithm that goes up where the other goes down."""
    return lambda w, gradients, **options: algorithm(w, [-g for g in gradients], **options)


CORNERS = {
    "SGD": (sgd, [{"lr": 0.25}, {"lr": 0.25, "weight_decay": 0.5}, {"lr": 0.1, "momentum": 0.9},
                  {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
                  {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}]),
    "Adam": (adam, [{}, {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.25}, {"lr": 0.1, "weight_decay": 0.5},
                    {"lr": 0.1, "betas": (0.5, 0.5), "amsgrad": True}]),
    "AdamW": (adamw, [{}, {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.25, "weight_decay": 0},
                      {"lr": 0.1, "weight_decay": 0.5},
                      {"lr": 0.1, "betas": (0.5, 0.5), "amsgrad": True, "weight_decay": 0.25}]),
    "Adamax": (adamax, [{}, {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.25}, {"lr": 0.1, "weight_decay": 0.5}]),
    "NAdam": (nadam, [{}, {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.25}, {"lr": 0.1, "weight_decay": 0.5},
                      {"lr": 0.1, "momentum_decay": 1.0}]),
    "RAdam": (radam, [{}, {"lr": 0.1, "betas": (0.5, 0.9)}, {"lr": 0.1, "weight_decay": 0.5}]),
    "Adagrad": (adagrad, [{}, {"lr": 0.1, "lr_decay": 0.5}, {"lr": 0.1, "initial_accumulator_value": 2.0, "eps": 0.5},
                          {"lr": 0.1, "weight_decay": 0.5}]),
    "Adadelta": (adadelta, [{}, {"lr": 0.5, "rho": 0.5, "eps": 0.25}, {"weight_decay": 0.5}]),
    "RMSprop": (rmsprop, [{}, {"lr": 0.1, "alpha": 0.5, "eps": 0.25}, {"lr": 0.1, "momentum": 0.5},
                          {"lr": 0.1, "centered": True, "momentum": 0.5, "eps": 0.5},
                          {"lr": 0.1, "weight_decay": 0.5}]),
    "Rprop": (rprop, [{}, {"lr": 0.5, "etas": (0.25, 2.0)}, {"lr": 0.5, "step_sizes": (0.375, 0.75)}]),
}  # fmt: skip

CLASSES = [f"torch.optim.{name}" for name in CORNERS]


@pytest.fixture(autouse=True)
def scalars_in_float64():
    """What an optimizer keeps in a single number, it keeps in the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def named(options):
    return "-".join(options) if options else "defaults"


def each(table):
    """One parameter for each optimizer and corner of its hyperparameters."""
    rows = [(name, algorithm, options) for name, (algorithm, corners) in table.items() for options in corners]
    ids = [f"{name}-{named(options)}" for name, _, options in rows]
    return pytest.mark.parametrize(("name", "algorithm", "options"), rows, ids=ids)


def moved(device, name, start=START, gradients=GRADIENTS, **options):
    """Where each step of the optimizer leaves a parameter, one after the other."""
    w = torch.tensor(start, device=device, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], **options)
    places = []
    for gradient in gradients:
        w.grad = torch.tensor(gradient, device=device)
        optimizer.step()
        places.append(w.detach().clone())
    return torch.stack(places)


def followed(algorithm, **options):
    """Where the algorithm goes."""
    return numpy.stack(list(algorithm(START, GRADIENTS, **options)))


@fact(*CLASSES)
@each(CORNERS)
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_is_followed_at_every_step(device, name, algorithm, options, foreach):
    """`SGD`, `Adam` and the like move at every step by their documented algorithm, with `foreach` or without."""
    got = moved(device, name, foreach=foreach, **options)
    close(got, followed(algorithm, **options), roundings=100, scale=16)


UPWARDS = {
    name: CORNERS[name] for name in ("SGD", "Adam", "AdamW", "Adamax", "Adagrad", "Adadelta", "RMSprop", "Rprop")
}


@fact(
    "torch.optim.SGD", "torch.optim.Adam", "torch.optim.AdamW", "torch.optim.Adamax", "torch.optim.Adagrad",
    "torch.optim.Adadelta", "torch.optim.RMSprop", "torch.optim.Rprop",
)  # fmt: skip
@each(UPWARDS)
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_goes_up_to_maximize(device, name, algorithm, options, foreach):
    """`SGD`, `Adam` and the like with `maximize=True` turn the sign of the gradient, but not of weight decay."""
    got = moved(device, name, foreach=foreach, maximize=True, **options)
    close(got, followed(opposite(algorithm), **options), roundings=100, scale=16)


ADAFACTOR = {
    "Adafactor": (adafactor, [{}, {"lr": 0.5, "beta2_decay": -0.5, "d": 1.5}, {"lr": 0.5, "eps": (0.5, 8.0)},
                              {"lr": 0.1, "weight_decay": 0.5}]),
}  # fmt: skip
FUSED = {name: CORNERS[name] for name in ("SGD", "Adam", "AdamW", "Adagrad")}
DECOUPLED = {name: (CORNERS[name][0], [{"lr": 0.1, "weight_decay": 0.5}]) for name in ("NAdam", "RAdam")}


@fact("torch.optim.Adafactor")
@each(ADAFACTOR)
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_of_adafactor_is_followed_at_every_step(device, name, algorithm, options, foreach):
    """`Adafactor` moves a matrix at every step as its documented algorithm, with `foreach` or without."""
    got = moved(device, name, foreach=foreach, **options)
    close(got, followed(algorithm, **options), roundings=100, scale=16)


@fact(
    "torch.optim.SGD",
    "torch.optim.Adam",
    "torch.optim.AdamW",
    "torch.optim.Adagrad",
    since="2.4",
    calls="fused=True",
    gain=True,
)
@each(FUSED)
def test_is_followed_by_the_fused_kernel(device, name, algorithm, options):
    """`SGD`, `Adam`, `AdamW` and `Adagrad` with `fused=True` move at every step by their documented algorithm."""
    close(moved(device, name, fused=True, **options), followed(algorithm, **options), roundings=100, scale=16)


@fact("torch.optim.NAdam", "torch.optim.RAdam", since="2.4", calls="decoupled_weight_decay=True", gain=True)
@each(DECOUPLED)
@pytest.mark.parametrize("decoupled", [False, True], ids=["coupled", "decoupled"])
@pytest.mark.parametrize("maximize", [False, True], ids=["down", "up"])
def test_of_nadam_and_radam_decays_weights_as_asked(device, name, algorithm, options, decoupled, maximize):
    """`NAdam` and `RAdam` decay weights by the gradient, or apart from it with `decoupled_weight_decay=True`."""
    options = {**options, "decoupled_weight_decay": decoupled}
    wanted = followed(opposite(algorithm) if maximize else algorithm, **options)
    close(moved(device, name, maximize=maximize, **options), wanted, roundings=100, scale=16)


@fact("torch.optim.Adam", since="2.7", calls="decoupled_weight_decay=True", gain=True)
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_of_adam_with_decoupled_decay_is_that_of_adamw(device, foreach):
    """`Adam` with `decoupled_weight_decay=True` follows the algorithm of `AdamW`."""
    got = moved(device, "Adam", lr=0.1, weight_decay=0.5, decoupled_weight_decay=True, foreach=foreach)
    close(got, followed(adamw, lr=0.1, weight_decay=0.5), roundings=100, scale=16)


ASGD = [{}, {"lr": 0.5, "lambd": 0.5, "alpha": 2.0}, {"lr": 0.1, "weight_decay": 0.5}]


@fact("torch.optim.ASGD")
@pytest.mark.parametrize("options", ASGD, ids=named)
@pytest.mark.parametrize("maximize", [False, True], ids=["down", "up"])
def test_of_asgd_is_followed_at_every_step(device, options, maximize):
    """`ASGD` moves a parameter by a rate of lr / (1 + lambd * lr * t) ** alpha after t steps."""
    got = moved(device, "ASGD", foreach=False, maximize=maximize, **options)
    close(got, followed(opposite(asgd) if maximize else asgd, **options), roundings=100, scale=16)


@fact("torch.optim.ASGD")
def test_of_asgd_is_followed_with_foreach(device):
    """`ASGD` with `foreach=True` moves a parameter by the rate of its documented algorithm."""
    got = moved(device, "ASGD", foreach=True, **ASGD[1])
    close(got, followed(asgd, **ASGD[1]), roundings=100, scale=16)


@fact("torch.optim.ASGD")
def test_of_asgd_keeps_the_average_since_t0(device):
    """`ASGD` keeps in its state the average of the parameter over the steps after `t0`."""
    w = torch.tensor(START, device=device, requires_grad=True)
    optimizer = torch.optim.ASGD([w], lr=0.25, t0=2)
    for gradient in GRADIENTS:
        w.grad = torch.tensor(gradient, device=device)
        optimizer.step()
    close(optimizer.state[w]["ax"], followed(asgd, lr=0.25)[3:].mean(0), roundings=100, scale=16)


# --- matrices that are made orthogonal --------------------------------------------------------------------------------

CONVERGES = {"ns_coefficients": (1.875, -1.25, 0.375), "ns_steps": 20}  # Kovarik's: every singular value goes to 1


def orthogonal(matrix):
    """The matrix with all its singular values 1."""
    u, _, v = numpy.linalg.svd(matrix, full_matrices=False)
    return u @ v


def muon(w, gradients, lr, momentum, nesterov, weight_decay, ratio=1.0):
    b = 0
    for g in gradients:
        b = momentum * b + g
        w = w * (1 - lr * weight_decay) - lr * ratio * orthogonal(g + momentum * b if nesterov else b)
        yield w


@fact("torch.optim.Muon")
@pytest.mark.parametrize("nesterov", [False, True], ids=["plain", "nesterov"])
def test_of_muon_makes_each_change_orthogonal(device, nesterov):
    """`Muon` whose `ns_coefficients` converge moves a matrix by its momentum made orthogonal, to bfloat16."""
    options = {"lr": 0.5, "momentum": 0.5, "nesterov": nesterov, "weight_decay": 0.5}
    got = moved(device, "Muon", **CONVERGES, **options).to(torch.bfloat16)
    close(got, followed(muon, **options), roundings=16, scale=4)  # the iteration is in bfloat16


@fact("torch.optim.Muon", since="2.9", calls="any", gain=True)
@pytest.mark.parametrize(
    ("adjust", "ratio"), [(None, 1.5**0.5), ("original", 1.5**0.5), ("match_rms_adamw", 0.2 * 3**0.5)]
)
def test_of_muon_adjusts_the_rate_to_the_shape(device, adjust, ratio):
    """`Muon` multiplies its rate for a tall matrix by sqrt(rows / columns), or 0.2 sqrt(rows) for "match_rms_adamw"."""
    options = {"lr": 0.5, "momentum": 0.5, "nesterov": False, "weight_decay": 0.0}
    gradients = [g.T.copy() for g in GRADIENTS]
    got = moved(device, "Muon", START.T.copy(), gradients, **CONVERGES, **options, adjust_lr_fn=adjust)
    want = numpy.stack(list(muon(START.T, gradients, **options, ratio=ratio)))
    close(got.to(torch.bfloat16), want, roundings=16, scale=4)


@fact("torch.optim.Muon")
@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), ()], ids=["vector", "cube", "number"])
def test_of_muon_takes_matrices_only(device, shape):
    """`Muon` refuses a vector, a cube or a number with ValueError: it takes matrices, which are "2D", only."""
    with pytest.raises(ValueError, match="2D"):
        torch.optim.Muon([torch.ones(shape, device=device, requires_grad=True)])


# --- the quasi-Newton method ------------------------------------------------------------------------------------------

CURVES = numpy.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
TARGET = numpy.array([1.0, -2.0, 0.5])


def bowl(w):
    """A quadratic function of three numbers, least at the inverse of CURVES times TARGET."""
    curves, target = (torch.tensor(values, device=w.device) for values in (CURVES, TARGET))
    return 0.5 * w @ curves @ w - target @ w


def lbfgs(w, steps, lr):
    """BFGS with the whole inverse Hessian, made anew at each step from the last curvature and all pairs."""
    pairs = []
    for t in range(steps):
        g = CURVES @ w - TARGET
        y, s = pairs[-1] if pairs else (g, g)
        inverse = numpy.eye(3) * (y @ s) / (y @ y)
        for y, s in pairs:
            change = numpy.eye(3) - numpy.outer(s, y) / (y @ s)
            inverse = change @ inverse @ change.T + numpy.outer(s, s) / (y @ s)
        d = -inverse @ g * lr * (min(1, 1 / abs(g).sum()) if t == 0 else 1)
        pairs.append((CURVES @ d, d))
        w = w + d
    return w


def closure_of(w, optimizer, seen):
    def closure():
        optimizer.zero_grad()
        loss = bowl(w)
        loss.backward()
        seen.append(loss)
        return loss

    return closure


@fact("torch.optim.LBFGS", "torch.optim.LBFGS.step")
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_of_lbfgs_is_followed_by_iterations(device, steps):
    """`LBFGS.step` on a quadratic takes `max_iter` steps of BFGS, the first one shortened, with a closure call each."""
    w = torch.zeros(3, device=device, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], lr=0.5, max_iter=steps, max_eval=9)
    optimizer.step(closure_of(w, optimizer, seen := []))
    close(w.detach(), lbfgs(numpy.zeros(3), steps, 0.5), roundings=100 * steps, scale=4)
    assert len(seen) == steps


@fact("torch.optim.LBFGS", "torch.optim.LBFGS.step", myth="LBFGS.step returns the loss that it has reached")
def test_of_lbfgs_gives_the_loss_before_it(device):
    """`LBFGS.step` returns what its closure gave first: the loss before the step, not the one after it."""
    w = torch.zeros(3, device=device, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], lr=0.5, max_iter=3)
    loss = optimizer.step(closure_of(w, optimizer, seen := []))
    assert loss is seen[0]
    assert loss > bowl(w)


@fact("torch.optim.LBFGS")
@pytest.mark.parametrize(("search", "lr"), [(None, 1.0), ("strong_wolfe", 64.0)], ids=["fixed", "strong_wolfe"])
def test_of_lbfgs_finds_the_least_of_a_quadratic(device, search, lr):
    """One `step` of `LBFGS` goes to the minimum of a quadratic function, by a line search from too large a rate too."""
    w = torch.zeros(3, device=device, requires_grad=True)
    exact = {"tolerance_grad": 1e-12, "tolerance_change": 1e-15}
    optimizer = torch.optim.LBFGS([w], lr=lr, max_iter=50, line_search_fn=search, **exact)
    optimizer.step(closure_of(w, optimizer, seen := []))
    close(w.detach(), numpy.linalg.solve(CURVES, TARGET), roundings=2**27, scale=4)  # half the bits: the loss is flat
    assert min(seen) == seen[-1]


@fact("torch.optim.LBFGS")
@pytest.mark.parametrize(
    ("tolerance", "steps"), [({"tolerance_grad": 2.5}, 0), ({"tolerance_change": 1.0}, 1)], ids=["gradient", "change"]
)
def test_of_lbfgs_stops_at_a_tolerance(device, tolerance, steps):
    """`LBFGS` ends a step early where the gradient is within `tolerance_grad`, or a change in `tolerance_change`."""
    w = torch.zeros(3, device=device, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], **tolerance)
    optimizer.step(closure_of(w, optimizer, seen := []))
    close(w.detach(), lbfgs(numpy.zeros(3), steps, 1), roundings=100, scale=4)
    assert len(seen) == 1 + steps


@fact("torch.optim.LBFGS")
def test_of_lbfgs_calls_at_most_as_often_as_told(device):
    """`LBFGS` without a line search calls its closure `max_eval` times at most."""
    w = torch.zeros(3, device=device, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=50, max_eval=4, lr=0.5)
    optimizer.step(closure_of(w, optimizer, seen := []))
    close(w.detach(), lbfgs(numpy.zeros(3), 3, 0.5), roundings=300, scale=4)
    assert len(seen) == 4


@fact("torch.optim.LBFGS")
def test_of_lbfgs_has_one_group(device):
    """`LBFGS` refuses parameter groups, since it takes all parameters as one vector."""
    groups = [{"params": [torch.ones(1, device=device, requires_grad=True)]} for _ in range(2)]
    with pytest.raises(ValueError, match="parameter groups"):
        torch.optim.LBFGS(groups)


@fact("torch.optim.LBFGS")
def test_of_lbfgs_needs_a_closure(device):
    """`LBFGS.step` without a closure is refused with TypeError."""
    optimizer = torch.optim.LBFGS([torch.ones(1, device=device, requires_grad=True)])
    with pytest.raises(TypeError, match="closure"):
        optimizer.step()


@fact("torch.optim.LBFGS", since="2.14", calls="maximize=True", gain=True)
def test_of_lbfgs_goes_up_to_maximize(device):
    """`LBFGS` with `maximize=True` goes up a quadratic as it goes down the negative of it."""
    w = torch.zeros(3, device=device, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], lr=0.5, max_iter=3, max_eval=9, maximize=True)

    def closure():
        optimizer.zero_grad()
        loss = -bowl(w)
        loss.backward()
        return loss

    optimizer.step(closure)
    close(w.detach(), lbfgs(numpy.zeros(3), 3, 0.5), roundings=300, scale=4)


# --- sparse gradients -------------------------------------------------------------------------------------------------

ROWS = [[0, 2], [2], [0, 1]]


def lazy_adam(w, gradients, rows, lr, betas=(0.9, 0.999), eps=1e-8):
    """Adam in which a step moves the rows that its gradient has, and their moments, alone."""
    w, m, v = w.copy(), numpy.zeros_like(w), numpy.zeros_like(w)
    for t, (g, there) in enumerate(zip(gradients, rows), start=1):
        m[there] = betas[0] * m[there] + (1 - betas[0]) * g[there]
        v[there] = betas[1] * v[there] + (1 - betas[1]) * g[there] ** 2
        rate = lr * numpy.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t)
        w[there] -= rate * m[there] / (numpy.sqrt(v[there]) + eps)
        yield w.copy()


def moved_by_rows(device, name, **options):
    """Where an optimizer leaves a matrix whose gradient has some rows only, at each step."""
    w = torch.tensor(START.T.copy(), device=device, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], **options)
    places = []
    for gradient, rows in zip(GRADIENTS, ROWS):
        values = torch.tensor(gradient.T[rows], device=device)
        w.grad = torch.sparse_coo_tensor([rows], values, (3, 2), device=device)
        optimizer.step()
        places.append(w.detach().clone())
    return torch.stack(places)


def with_rows(rows, gradient):
    """The gradient with zeros in all other rows."""
    kept = numpy.zeros_like(gradient)
    kept[rows] = gradient[rows]
    return kept


@fact("torch.optim.SparseAdam")
@pytest.mark.parametrize("maximize", [False, True], ids=["down", "up"])
def test_of_sparse_adam_moves_the_rows_of_its_gradient(device, maximize):
    """`SparseAdam` updates the rows that a gradient has with their moments, and leaves those of other rows."""
    options = {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.25}
    gradients = [(-g if maximize else g).T for g in GRADIENTS]
    want = numpy.stack(list(lazy_adam(START.T, gradients, ROWS, **options)))
    close(moved_by_rows(device, "SparseAdam", maximize=maximize, **options), want, roundings=100, scale=16)


@fact("torch.optim.SGD", "torch.optim.Adagrad")
@pytest.mark.parametrize(
    ("name", "algorithm", "options"),
    [("SGD", sgd, {"lr": 0.25}), ("SGD", sgd, {"lr": 0.25, "momentum": 0.5}), ("Adagrad", adagrad, {"lr": 0.25})],
    ids=["SGD", "SGD-momentum", "Adagrad"],
)
def test_of_sgd_and_adagrad_take_a_sparse_gradient(device, name, algorithm, options):
    """`SGD` and `Adagrad` move a parameter by a sparse gradient as by the dense one."""
    gradients = [with_rows(rows, g.T) for rows, g in zip(ROWS, GRADIENTS)]
    want = numpy.stack(list(algorithm(START.T, gradients, **options)))
    close(moved_by_rows(device, name, **options), want, roundings=100, scale=16)


@fact("torch.optim.SparseAdam")
def test_of_sparse_adam_refuses_a_dense_gradient(device):
    """`SparseAdam` refuses a dense gradient, and names `Adam`."""
    w = torch.ones(2, device=device, requires_grad=True)
    w.grad = torch.ones(2, device=device)
    with pytest.raises(RuntimeError, match="dense gradients.*Adam"):
        torch.optim.SparseAdam([w]).step()


@fact(
    "torch.optim.Adam", "torch.optim.AdamW", "torch.optim.Adamax", "torch.optim.NAdam", "torch.optim.RAdam",
    "torch.optim.Adadelta", "torch.optim.RMSprop", "torch.optim.Rprop", "torch.optim.ASGD",
)  # fmt: skip
@pytest.mark.parametrize("name", ["Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adadelta", "RMSprop", "Rprop", "ASGD"])
def test_refuses_a_sparse_gradient(device, name):
    """`Adam`, `RMSprop` and the like refuse a sparse gradient: "does not support sparse gradients"."""
    with pytest.raises(RuntimeError, match="sparse gradients"):
        moved_by_rows(device, name)
