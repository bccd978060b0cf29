"""Tensors that several processes share, and what threads of one share; how processes are started: `test_spawn`."""

import ctypes
import io
import pickle
import threading
import time

import pytest
import torch
import torch.multiprocessing
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.fact import unavailable

pytestmark = [pytest.mark.timeout(180), pytest.mark.cpu]


QUEUED = "tensors are taken apart by Python's own pickle, below any function of torch"


# Where a build knows a device with a queue of its own (Vulkan, say), the first backward starts threads for all of them,
# and none may be forked behind it: so it depends on what ran before.
THREADS = "autograd's threading in combination with fork-based multiprocessing"


def _tell(errors, call, *args):
    """Call it in a forked process, and send on what it says where it fails."""
    try:
        call(*args)
    except Exception as error:
        errors.put(str(error))
        raise


@pytest.fixture
def fork():
    """Runs a function in a forked process, to its end."""
    if "fork" not in torch.multiprocessing.get_all_start_methods():
        unavailable("platform", "a fork of processes")
    context = torch.multiprocessing.get_context("fork")
    errors = context.SimpleQueue()

    def run(*calls):
        processes = [context.Process(target=_tell, args=(errors, *call)) for call in calls]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if not errors.empty() and THREADS in errors.get():
            unavailable("platform", "a fork behind a backward, in a build for other devices than the CPU too")
        assert [process.exitcode for process in processes] == [0] * len(processes)

    return run


def fill(x, value):
    x.fill_(value)


# --- memory -----------------------------------------------------------------------------------------------------------


@fact("torch.Tensor.share_memory_")
def test_shared_tensor_is_written_by_another_process(fork):
    """What a forked process writes into a slice of a tensor of `share_memory_()` is seen by its parent."""
    x = torch.zeros(3).share_memory_()
    fork((fill, x[:2], 7))
    same(x, [7.0, 7.0, 0.0])


def shares_everything(patch):
    """A forked process writes where its parent reads."""
    patch.setattr(torch, "zeros", lambda *shape: torch.full(shape, 0.0).share_memory_())


@fact("torch.Tensor.share_memory_", refuter=shares_everything, myth="a forked process shares all tensors")
def test_forked_process_has_tensors_of_its_own(fork):
    """What a forked process writes into a tensor is not seen by its parent without `share_memory_()`."""
    x = torch.zeros(2)
    fork((fill, x, 7))
    same(x, [0.0, 0.0])


@pytest.fixture
def other():
    """Has a forked process put what `make()` gives into a queue, and see afterwards what has become of it."""
    if "fork" not in torch.multiprocessing.get_all_start_methods():
        unavailable("platform", "a fork of processes")
    context = torch.multiprocessing.get_context("fork")
    there, back = context.SimpleQueue(), context.SimpleQueue()

    def hand(make):
        made = make()
        there.put(made)
        back.get()
        there.put(made.tolist() if isinstance(made, torch.Tensor) else None)

    def start(make):
        process = context.Process(target=hand, args=(make,))
        process.start()
        yield there.get()
        back.put(None)
        yield there.get()
        process.join()

    yield start
    there.close()
    back.close()


def counted():
    return torch.tensor([1.0, 2.0])


def views():
    x = torch.arange(4)
    return x[:3], x[1:]


@fact("torch.multiprocessing.SimpleQueue", unproven=QUEUED, myth="a queue copies the tensors")
def test_queue_hands_over_the_memory(other):
    """A tensor out of a `torch.multiprocessing.SimpleQueue` shares its memory with the process that put it there."""
    told = other(counted)
    got = next(told)
    got[0] = 9
    assert [*told] == [[9.0, 2.0]]
    assert got.is_shared()


@fact("torch.multiprocessing.SimpleQueue", unproven=QUEUED)
def test_queue_hands_over_views_as_views(other):
    """Two views of one tensor that go through a `torch.multiprocessing.SimpleQueue` together still share memory."""
    told = other(views)
    first, second = next(told)
    first[1] = 9
    same(second, [9, 2, 3])
    assert [*told] == [None]


@fact("torch.multiprocessing.SimpleQueue", unproven=QUEUED)
def test_queue_hands_over_a_parameter_as_it_is(other):
    """An `nn.Parameter` out of a `torch.multiprocessing.SimpleQueue` is one that requires grad."""
    told = other(lambda: nn.Parameter(counted()))
    got = next(told)
    assert isinstance(got, nn.Parameter)
    assert got.requires_grad
    assert [*told] == [[1.0, 2.0]]


@fact("torch.multiprocessing.SimpleQueue", hint="x.detach()")
def test_queue_refuses_what_has_a_history():
    """A `torch.multiprocessing` queue refuses a result that requires grad: "Cowardly refusing to serialize"."""
    x = torch.ones(1, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor which requires_grad"):
        torch.multiprocessing.SimpleQueue().put(x)


@fact("torch.Tensor.share_memory_", "torch.Tensor.is_shared")
@pytest.mark.parametrize("copy", [lambda x: pickle.loads(pickle.dumps(x)), torch.clone], ids=["pickle", "clone"])
def test_copy_of_a_shared_tensor_is_not_shared(copy):
    """A copy by `pickle` or `clone()` of a tensor of `share_memory_()` has memory of its own, which is not shared."""
    x = torch.tensor([1.0, 2.0]).share_memory_()
    y = copy(x)
    y[0] = 9
    same(x, [1.0, 2.0])
    assert not y.is_shared()


@fact("torch.save", "torch.load")
def test_saved_shared_tensor_is_not_shared():
    """`torch.save` and `torch.load` give a copy of a tensor that is in shared memory (`share_memory_`)."""
    x, file = torch.tensor([1.0, 2.0]).share_memory_(), io.BytesIO()
    torch.save(x, file)
    file.seek(0)
    y = torch.load(file)
    y[0] = 9
    same(x, [1.0, 2.0])
    same(y, [9.0, 2.0])


# --- strategies -------------------------------------------------------------------------------------------------------


@pytest.fixture
def strategy():
    """Sets the strategy back."""
    before = torch.multiprocessing.get_sharing_strategy()
    yield
    torch.multiprocessing.set_sharing_strategy(before)


@fact("torch.multiprocessing.set_sharing_strategy", "torch.multiprocessing.get_sharing_strategy")
def test_strategy_is_what_was_set(strategy):
    """`get_sharing_strategy` gives what `set_sharing_strategy` set last."""
    torch.multiprocessing.set_sharing_strategy("file_system")
    assert torch.multiprocessing.get_sharing_strategy() == "file_system"


@fact("torch.multiprocessing.get_all_sharing_strategies", "torch.multiprocessing.get_sharing_strategy")
def test_strategy_is_one_of_all():
    """`get_all_sharing_strategies` has "file_system", and the one that is in use."""
    every = torch.multiprocessing.get_all_sharing_strategies()
    assert {"file_system", torch.multiprocessing.get_sharing_strategy()} <= every


@fact("torch.multiprocessing.set_sharing_strategy")
def test_strategy_that_is_unknown_is_refused(strategy):
    """`set_sharing_strategy` of a name that is not among `get_all_sharing_strategies()` raises AssertionError."""
    with pytest.raises(AssertionError):
        torch.multiprocessing.set_sharing_strategy("carrier pigeon")


# --- Hogwild ----------------------------------------------------------------------------------------------------------


def descend(model, column, target):
    """A hundred steps of gradient descent of one column of weights."""
    torch.set_num_threads(1)
    for _ in range(100):
        model.weight.grad = None
        (model.weight[:, column] - target).square().sum().backward()
        with torch.no_grad():
            model.weight[:, column] -= 0.1 * model.weight.grad[:, column]


@fact("torch.nn.Module.share_memory", source="notes/multiprocessing")
def test_hogwild_trains_one_model_in_several_processes(fork):
    """Two processes that train a model of `share_memory()` both change its weights as their parent sees: Hogwild."""
    model = nn.Linear(2, 1).share_memory()
    fork((descend, model, 0, 3.0), (descend, model, 1, 5.0))
    close(model.weight, torch.tensor([[3.0, 5.0]]), roundings=8)


@fact("torch.nn.Module.share_memory", source="notes/multiprocessing", myth="processes of Hogwild share the gradients")
def test_hogwild_gradients_are_of_each_process(fork):
    """A model shared by `share_memory()` without gradients gets none from `backward` in a forked process."""
    model = nn.Linear(1, 1).share_memory()
    fork((descend, model, 0, 3.0))
    assert model.weight.grad is None


# --- threads ----------------------------------------------------------------------------------------------------------


def _in_thread(call):
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


@fact("torch.Tensor.backward", source="notes/autograd")
def test_backward_in_threads_adds_to_one_gradient():
    """Threads that each call `backward` on a graph of their own add to the gradient of the leaf that they share."""
    x = torch.zeros(1, requires_grad=True)
    threads = [threading.Thread(target=lambda k=k: (x * k).backward()) for k in (1, 2, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(x.grad, [7.0])


@fact("torch.autograd.backward", "torch.autograd.Function.apply", source="notes/autograd")
def test_backward_on_the_cpu_runs_in_the_calling_thread():
    """`backward` of a plain graph on the CPU runs a tensor's hook in the thread that calls `backward`."""
    seen = []
    x = torch.zeros(1, requires_grad=True)
    x.register_hook(lambda gradient: seen.append(threading.get_ident()))
    ran = _in_thread(lambda: (x.sum().backward(), threading.get_ident())[1])
    assert seen == [ran]


@fact("torch.is_autocast_enabled", "torch.autocast", source="amp")
def test_autocast_is_of_one_thread():
    """`torch.autocast` is on in the thread that entered it, and not in another one."""
    x = torch.ones(1, 1)
    with torch.autocast("cpu", torch.bfloat16):
        here, there = (x @ x).dtype, _in_thread(lambda: (x @ x).dtype)
    assert (here, there) == (torch.bfloat16, torch.float32)


@pytest.fixture
def default_dtype():
    """Sets the default dtype back."""
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@fact("torch.set_default_dtype")
def test_default_dtype_is_of_all_threads(default_dtype):
    """What `torch.set_default_dtype` sets holds in another thread too."""
    torch.set_default_dtype(torch.float64)
    assert _in_thread(lambda: torch.tensor(1.0).dtype) == torch.float64


@fact("torch.set_default_device", myth="set_default_device holds for every thread")
def test_default_device_is_of_one_thread():
    """`torch.set_default_device` is of the thread that calls it: another one makes its tensors on the CPU."""
    torch.set_default_device("meta")
    try:
        here, there = torch.zeros(1).device.type, _in_thread(lambda: torch.zeros(1).device.type)
    finally:
        torch.set_default_device(None)
    assert (here, there) == ("meta", "cpu")


def _set_default_device(name):
    torch.set_default_device(name)
    return torch.zeros(1).device.type


def stays(patch):
    """The default device cannot be set."""
    patch.setattr(torch, "set_default_device", lambda device: None)


@fact("torch.set_default_device", since="2.3", calls="any", gain=True, refuter=stays)
def test_default_device_is_set_by_each_thread():
    """Two threads may each call `torch.set_default_device`: one does not take the other's back."""
    torch.set_default_device("meta")
    try:
        seen = _in_thread(lambda: _set_default_device("cpu")), torch.zeros(1).device.type
    finally:
        torch.set_default_device(None)
    assert seen == ("cpu", "meta")


def has_a_stream_for_each_thread(patch):
    """A thread that is started draws from a stream of its own."""
    rand, main = torch.rand, threading.current_thread()
    own = torch.Generator()
    patch.setattr(torch, "rand", lambda n: rand(n, generator=None if threading.current_thread() is main else own))


@fact("torch.manual_seed", refuter=has_a_stream_for_each_thread, hint="a torch.Generator for each thread")
def test_random_stream_is_of_all_threads():
    """`torch.rand` in another thread goes on in the one random stream that `torch.manual_seed` set here."""
    generator = torch.manual_seed(3)
    drawn = torch.rand(4)
    generator.manual_seed(3)
    same(torch.cat([torch.rand(2), _in_thread(lambda: torch.rand(2))]), drawn)


@fact("torch.Tensor.backward", source="notes/autograd")
def test_graph_of_one_thread_is_run_by_another():
    """A thread can call `backward` on a graph that another one made, and `.grad` is there for that one too."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (x * 3).sum()
    _in_thread(y.backward)
    same(x.grad, [3.0, 3.0])


def _set_twice(refused):
    with pytest.raises(RuntimeError, match="cannot set number of interop threads after parallel work has started"):
        for _ in range(2):
            torch.set_num_interop_threads(1)
    refused.fill_(1)


def may_be_set_again(patch):
    """The number of threads is as it was told last."""
    patch.setattr(torch, "set_num_interop_threads", lambda number: None)


@fact(
    "torch.set_num_interop_threads",
    since="2.1",
    calls="any",
    gain=True,
    refuter=may_be_set_again,
    hint="call it once, before anything else of torch",
)
def test_interop_threads_are_set_once(fork):
    """A second `torch.set_num_interop_threads` is refused: "cannot set number of interop threads after parallel"."""
    refused = torch.zeros(1).share_memory_()
    fork((_set_twice, refused))
    same(refused, [1.0])


def keeps_the_lock(patch):
    """A product that holds the interpreter while it is computed."""
    patch.setattr(torch, "mm", lambda x, y: ctypes.PyDLL(None).usleep(200_000))


@fact("torch.mm", refuter=keeps_the_lock, myth="Python's lock (GIL) lets one thread compute at a time")
@pytest.mark.slow
def test_operation_lets_other_threads_run():
    """While `torch.mm` computes in one thread, Python goes on in another: `mm` releases the lock (GIL)."""
    x, begins, products, ticks = torch.ones(1500, 1500, dtype=torch.float64), threading.Event(), [], 0
    thread = threading.Thread(target=lambda: (begins.set(), products.append(torch.mm(x, x))))
    thread.start()
    begins.wait()
    while thread.is_alive():
        time.sleep(0.001)
        ticks += 1
    assert ticks > 5
    same(products[0], 1500 * x)
