"""JAX traces a function that it compiles, and PyTorch runs it: what becomes of Python, and the gradients of both."""

import importlib

import pytest
import torch

from torchproof import fact

SHARP = "https://docs.jax.dev/en/latest/notebooks/Common_Gotchas_in_JAX.html"


@pytest.fixture
def jax():
    return importlib.import_module("jax")


def branches(x):
    return x**2 if x > 0 else -x


@fact(
    "torch.Tensor.tolist",
    requires="jax",
    claims=["G02"],
    source=SHARP,
    myth="jax.jit runs the Python code at each call",
)
def test_runs_python_once_for_each_shape(jax):
    """A function under `jax.jit` runs its Python once for each shape, and a function of torch at each call."""
    traced, calls = [], []

    def run(x):
        calls.append(tuple(x.shape))
        return x * 2

    drawn = jax.jit(lambda x: traced.append(x.shape) or x * 2)
    every = [[1.0], [2.0], [1.0, 2.0], [3.0]]
    results = [run(torch.tensor(values)).tolist() for values in every]
    assert [drawn(jax.numpy.array(values)).tolist() for values in every] == results
    assert (traced, calls) == ([(1,), (2,)], [(1,), (1,), (2,), (1,)])


@fact("torch.Tensor.__bool__", requires="jax", claims=["G02"], source=SHARP, hint="jax.numpy.where, or jax.lax.cond")
def test_refuses_to_branch_on_a_value_while_it_traces(jax):
    """An `if` under `jax.jit` raises "Attempted boolean conversion of traced array", and is decided in PyTorch."""
    with pytest.raises(jax.errors.TracerBoolConversionError, match="Attempted boolean conversion of traced array"):
        jax.jit(branches)(3.0)
    assert [branches(torch.tensor(number)).item() for number in (3.0, -3.0)] == [9.0, 3.0]


@fact("torch.Tensor.__float__", requires="jax", claims=["G02"], source=SHARP)
def test_has_no_numbers_while_it_traces(jax):
    """`float` under `jax.jit` raises "Abstract tracer value encountered", and in PyTorch gives the number."""
    with pytest.raises(jax.errors.ConcretizationTypeError, match="Abstract tracer value encountered"):
        jax.jit(float)(3.0)
    assert float(torch.tensor(1.5) * 2) == 3.0


@fact("torch.func.vmap", requires="jax", claims=["G02"])
def test_runs_python_once_for_many(jax):
    """A function under `vmap` runs its Python once for all samples, in JAX and in PyTorch, and gives each its own."""
    calls = []

    def twice(x):
        calls.append("ran")
        return x * 2

    results = torch.func.vmap(twice)(torch.tensor([3.0, -3.0])).tolist()
    assert (results, calls) == ([6.0, -6.0], ["ran"])
    assert jax.vmap(twice)(jax.numpy.array([3.0, -3.0])).tolist() == results
    assert calls == ["ran", "ran"]


@fact("torch.func.vmap", requires="jax", claims=["G02"], hint="torch.where")
def test_refuses_to_branch_on_a_value_of_many(jax):
    """An `if` on a value under `vmap` is refused by JAX and by `torch.func.vmap`: data-dependent control flow."""
    with pytest.raises(jax.errors.TracerBoolConversionError):
        jax.vmap(branches)(jax.numpy.array([3.0, -3.0]))
    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        torch.func.vmap(branches)(torch.tensor([3.0, -3.0]))


@fact("torch.func.grad", requires="jax", claims=["G01", "G02"])
def test_differentiates_the_branch_of_this_call(jax):
    """`jax.grad` and `torch.func.grad` run Python at each call, and give the gradient of the branch that it took."""
    calls = []

    def noted(x):
        calls.append("ran")
        return branches(x)

    ours, theirs = torch.func.grad(noted), jax.grad(noted)
    assert [ours(torch.tensor(number)).item() for number in (3.0, -3.0)] == [6.0, -1.0]
    assert [float(theirs(number)) for number in (3.0, -3.0)] == [6.0, -1.0]
    assert calls == ["ran"] * 4
