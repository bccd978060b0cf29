"""Key-value stores by which processes find each other, and `init_process_group` with one; groups: `test_groups`."""

import socket
import threading
import time
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from torchproof import fact

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180), pytest.mark.cpu]

SOON, A_WHILE = timedelta(seconds=0.05), timedelta(seconds=1)


def _server():
    return dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=A_WHILE)


def _here():
    """A HashStore that does not wait for long."""
    made = dist.HashStore()
    made.set_timeout(A_WHILE)
    return made


@pytest.fixture(params=["hash", "file", "tcp", "prefix"])
def new(request, tmp_path):
    """Makes an empty store of each kind."""

    def make():
        made = {
            "hash": dist.HashStore,
            "file": lambda: dist.FileStore(str(tmp_path / "store"), 1),
            "tcp": _server,
            "prefix": lambda: dist.PrefixStore("prefix", dist.HashStore()),
        }[request.param]()
        made.set_timeout(A_WHILE)
        return made

    return make


@pytest.fixture(params=["hash", "tcp"])
def quick(request):
    """Makes an empty store that does not poll, and waits for a twentieth of a second."""

    def make():
        made = {"hash": dist.HashStore, "tcp": _server}[request.param]()
        made.set_timeout(SOON)
        return made

    return make


# --- what is written and read -----------------------------------------------------------------------------------------


@fact("torch.distributed.Store.set", "torch.distributed.Store.get")
def test_get_gives_the_bytes_that_were_set(new):
    """`get` of a `torch.distributed.Store` gives what `set` wrote last, as bytes."""
    store = new()
    store.set("key", "first")
    store.set("key", "second")
    assert store.get("key") == b"second"


@fact("torch.distributed.Store.add")
def test_add_counts_from_zero(new):
    """`add` of a `torch.distributed.Store` counts a new key from 0, and returns the sum."""
    store = new()
    assert [store.add("count", 2), store.add("count", 3)] == [2, 5]


@fact("torch.distributed.Store.add", "torch.distributed.Store.get")
def test_get_after_add_gives_digits(new):
    """`get` of a `torch.distributed.Store` gives the digits of the sum that `add` has counted."""
    store = new()
    store.add("count", 12)
    assert store.get("count") == b"12"


@fact("torch.distributed.Store.compare_set", "torch.distributed.Store.get")
def test_compare_set_writes_where_the_value_is_as_expected(new):
    """`compare_set` of a `torch.distributed.Store` replaces the expected value, and returns the new one."""
    store = new()
    store.set("key", "old")
    assert store.compare_set("key", "old", "new") == store.get("key") == b"new"


@fact("torch.distributed.Store.compare_set", "torch.distributed.Store.get")
def test_compare_set_leaves_a_value_that_is_not_as_expected(new):
    """`compare_set` of a `torch.distributed.Store` leaves a value that is not the expected one, and returns it."""
    store = new()
    store.set("key", "old")
    assert store.compare_set("key", "other", "new") == store.get("key") == b"old"


@fact("torch.distributed.Store.compare_set", "torch.distributed.Store.get")
def test_compare_set_of_nothing_expects_an_empty_string(new):
    """`compare_set` of a `torch.distributed.Store` writes a new key where the empty string is expected."""
    store = new()
    store.compare_set("key", "", "new")
    assert store.get("key") == b"new"


@fact("torch.distributed.Store.check")
def test_check_tells_whether_keys_are_there(new):
    """`check` of a `torch.distributed.Store` is True where all keys are there, and False where one is missing."""
    store = new()
    store.set("key", "")
    assert store.check(["key"])
    assert not store.check(["key", "other"])


@fact("torch.distributed.Store.append", "torch.distributed.Store.get")
def test_append_writes_behind_what_is_there(new):
    """`append` of a `torch.distributed.Store` writes behind the value of a key, or begins it."""
    store = new()
    store.append("key", "ab")
    store.append("key", "cd")
    assert store.get("key") == b"abcd"


@fact("torch.distributed.Store.multi_set", "torch.distributed.Store.multi_get")
def test_multi_get_gives_values_in_the_order_of_keys(new):
    """`multi_get` of a `torch.distributed.Store` gives what `multi_set` wrote, in the order of the keys asked for."""
    store = new()
    store.multi_set(["a", "b"], ["1", "2"])
    assert store.multi_get(["b", "a"]) == [b"2", b"1"]


@fact("torch.distributed.Store.delete_key")
def test_delete_key_tells_whether_it_was_there(quick):
    """`delete_key` of a `TCPStore` or `HashStore` is True of a key that was there, and False when it is gone."""
    store = quick()
    store.set("key", "")
    assert [store.delete_key("key"), store.delete_key("key")] == [True, False]


@fact("torch.distributed.Store.delete_key", "torch.distributed.Store.num_keys")
def test_delete_key_takes_a_key_away(quick):
    """After `delete_key` of a `TCPStore` or `HashStore`, `num_keys` counts one key less."""
    store = quick()
    store.set("key", "")
    before = store.num_keys()
    store.delete_key("key")
    assert store.num_keys() == before - 1


@fact("torch.distributed.Store.num_keys")
def test_num_keys_counts(quick):
    """`num_keys` of a `HashStore`, or a `TCPStore` that waited for nobody, counts the keys that were set and added."""
    store = quick()
    store.set("a", "")
    store.add("b", 1)
    assert store.num_keys() == 2


@fact("torch.distributed.Store.queue_push", "torch.distributed.Store.queue_pop")
def test_queue_pop_takes_what_was_pushed_first(quick):
    """`queue_pop` of a `TCPStore` or `HashStore` takes the values of `queue_push` in the order of pushing."""
    store = quick()
    store.queue_push("queue", "1")
    store.queue_push("queue", "2")
    assert [store.queue_pop("queue"), store.queue_pop("queue")] == [b"1", b"2"]


@fact("torch.distributed.Store.queue_len", "torch.distributed.Store.queue_push", "torch.distributed.Store.queue_pop")
def test_queue_len_counts_what_is_left(quick):
    """`queue_len` of a `TCPStore` or `HashStore` counts what was pushed and not popped."""
    store = quick()
    for value in ("1", "2", "3"):
        store.queue_push("queue", value)
    store.queue_pop("queue")
    assert store.queue_len("queue") == 2


@fact("torch.distributed.Store.queue_pop", "torch.distributed.QueueEmptyError")
def test_queue_pop_without_waiting_is_refused_of_nothing(quick):
    """`queue_pop(block=False)` of an empty queue of a `TCPStore` or `HashStore` raises `QueueEmptyError`."""
    store = quick()
    with pytest.raises(dist.QueueEmptyError, match="queue is empty"):
        store.queue_pop("queue", block=False)


@fact("torch.distributed.Store.list_keys")
def test_list_keys_names_them(quick):
    """`list_keys` of a `TCPStore` or `HashStore` names the keys that were set."""
    store = quick()
    store.set("a", "")
    store.set("b", "")
    assert {"a", "b"} <= {*store.list_keys()}


@fact("torch.distributed.Store.clone")
def test_clone_is_the_same_store():
    """`clone` of a `TCPStore` is another client of the same server: each reads what the other writes."""
    first = _server()
    second = first.clone()
    first.set("a", "1")
    second.set("b", "2")
    assert (second.get("a"), first.get("b")) == (b"1", b"2")


@fact("torch.distributed.Store.has_extended_api")
def test_has_extended_api_is_false_of_files(tmp_path):
    """`has_extended_api()` is False of a `FileStore`."""
    assert dist.FileStore(str(tmp_path / "file"), 1).has_extended_api() is False


@fact("torch.distributed.Store.has_extended_api")
def test_has_extended_api_is_true_of_one_in_memory():
    """`has_extended_api()` is True of a `HashStore`."""
    assert dist.HashStore().has_extended_api() is True


# --- waiting ----------------------------------------------------------------------------------------------------------


@fact("torch.distributed.Store.get")
def test_get_waits_for_a_key_until_the_timeout(quick):
    """`get` of a `TCPStore` or `HashStore` waits for a key until the time of `set_timeout` is over: "timeout"."""
    store = quick()
    before = time.monotonic()
    with pytest.raises(RuntimeError, match="(?i)timeout"):
        store.get("key")
    assert time.monotonic() - before >= 0.04


@fact("torch.distributed.Store.wait")
def test_wait_takes_a_time_limit(quick):
    """`wait(keys, timeout)` of a `TCPStore` or `HashStore` raises "timeout" sooner than `set_timeout` would have it."""
    store = quick()
    store.set_timeout(timedelta(seconds=3))
    before = time.monotonic()
    with pytest.raises(RuntimeError, match="(?i)timeout"):
        store.wait(["key"], SOON)
    assert time.monotonic() - before < 2


@fact("torch.distributed.Store.wait", "torch.distributed.DistStoreError", "torch.distributed.DistError")
@pytest.mark.timeout(20)
def test_wait_in_vain_is_an_error_of_stores(quick):
    """`wait` of a `TCPStore` or `HashStore` for what nobody sets raises DistStoreError: DistError, RuntimeError."""
    store = quick()
    with pytest.raises(dist.DistStoreError) as refusal:
        store.wait(["key"])
    assert isinstance(refusal.value, dist.DistError)
    assert isinstance(refusal.value, RuntimeError)


@fact("torch.distributed.Store.set_timeout", "torch.distributed.Store.timeout")
def test_timeout_is_what_was_set(new):
    """`timeout` of a `torch.distributed.Store` is what `set_timeout` set."""
    store = new()
    store.set_timeout(timedelta(seconds=7))
    assert store.timeout == timedelta(seconds=7)


@fact("torch.distributed.Store.timeout")
def test_timeout_is_five_minutes_by_default():
    """`timeout` of a new `torch.distributed.HashStore` is five minutes."""
    assert dist.HashStore().timeout == timedelta(minutes=5)


@fact("torch.distributed.Store.barrier")
def test_barrier_of_a_store_waits_for_as_many():
    """`barrier(key, 2)` of a `HashStore` lets a thread pass once another one has come to it."""
    store, seen = _here(), []

    def come_late():
        time.sleep(0.05)
        seen.append("came")
        store.barrier("two", 2, A_WHILE)

    late = threading.Thread(target=come_late)
    late.start()
    store.barrier("two", 2, A_WHILE)
    seen.append("passed")
    late.join()
    assert seen == ["came", "passed"]


@fact("torch.distributed.Store.barrier")
def test_barrier_of_a_store_takes_a_time_limit(quick):
    """`barrier(key, 2, timeout)` of a `TCPStore` or `HashStore` raises "timeout" where one alone comes."""
    with pytest.raises(RuntimeError, match="(?i)timeout"):
        quick().barrier("two", 2, SOON)


def _read_late(rank, path):
    store = dist.FileStore(path, 2)
    if rank == 0:
        time.sleep(0.05)
        store.set("key", "value")
    return store.get("key")


@fact("torch.distributed.Store.get", "torch.distributed.Store.set")
def test_get_waits_for_another_process(ranks, tmp_path):
    """`get` of a `FileStore` waits until another process has set the key in the same file."""
    assert ranks(2, _read_late, str(tmp_path / "file")) == [b"value", b"value"]


# --- kinds ------------------------------------------------------------------------------------------------------------


@fact("torch.distributed.TCPStore", "torch.distributed.TCPStore.port")
def test_tcp_store_serves_its_clients():
    """A `TCPStore` with `is_master=False` reads what was written to the master at that host and port."""
    master = _server()
    master.set("key", "value")
    client = dist.TCPStore("127.0.0.1", master.port, is_master=False, timeout=A_WHILE)
    assert client.get("key") == b"value"


def needs_nobody(patch):
    """A TCPStore is of one process."""
    patch.setattr(dist, "TCPStore", lambda *args, **options: _here())


@fact(
    "torch.distributed.TCPStore",
    "torch.distributed.DistNetworkError",
    refuter=needs_nobody,
    hint="start the process with is_master=True, or see to host and port",
)
@pytest.mark.slow
def test_tcp_store_without_a_master_is_refused():
    """A `TCPStore` whose master is not there raises `DistNetworkError`: "timed out … while trying to connect"."""
    with pytest.raises(dist.DistNetworkError, match="timed out after .* while trying to connect"):
        dist.TCPStore("127.0.0.1", 1, is_master=False, timeout=timedelta(seconds=0.2))


@fact("torch.distributed.TCPStore", since="2.5", calls="any", refuter=needs_nobody, hint="wait_for_workers=False")
@pytest.mark.slow
def test_tcp_store_waits_for_all_of_its_world():
    """A `TCPStore` of `world_size=2` that nobody joins raises "waiting for clients. 1/2 clients joined"."""
    with pytest.raises(dist.DistStoreError, match=r"waiting for clients\. 1/2 clients joined"):
        dist.TCPStore("127.0.0.1", 0, 2, is_master=True, timeout=timedelta(seconds=0.2))


@fact("torch.distributed.FileStore", "torch.distributed.Store.set", "torch.distributed.Store.get")
def test_file_store_of_one_path_is_one_store(tmp_path):
    """Two `FileStore` of one path each read what the other writes."""
    first, second = (dist.FileStore(str(tmp_path / "file"), 2) for _ in range(2))
    first.set("a", "1")
    second.set("b", "2")
    assert (second.get("a"), first.get("b")) == (b"1", b"2")


@fact("torch.distributed.FileStore.path")
def test_file_store_knows_its_path(tmp_path):
    """`path` of a `FileStore` is the path that it was given."""
    assert dist.FileStore(str(tmp_path / "file"), 1).path == str(tmp_path / "file")


def has_no_prefix(patch):
    """A PrefixStore is the store that it was given."""
    patch.setattr(dist, "PrefixStore", lambda prefix, below: below)


@fact("torch.distributed.PrefixStore", refuter=has_no_prefix)
def test_prefix_store_keeps_its_keys_apart():
    """A `PrefixStore` writes into its store with its prefix, as "a/key", apart from the keys of another prefix."""
    below = _here()
    dist.PrefixStore("a", below).set("key", "1")
    dist.PrefixStore("b", below).set("key", "2")
    assert (below.get("a/key"), below.get("b/key")) == (b"1", b"2")


@fact("torch.distributed.PrefixStore.underlying_store")
def test_prefix_store_knows_what_it_writes_into():
    """`underlying_store` of a `PrefixStore` is the store that it was given."""
    below = _here()
    dist.PrefixStore("a", below).underlying_store.set("key", "1")
    assert below.get("key") == b"1"


# --- init_process_group -----------------------------------------------------------------------------------------------


ENVIRONMENT = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}


def _begin(rank, options, environment):
    """A process of its own group, initialized as told, where the environment says that and no more."""
    dist.destroy_process_group()
    with pytest.MonkeyPatch.context() as patch:
        for name in ENVIRONMENT:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        dist.init_process_group("gloo", **options)
    x = torch.ones(1)
    dist.all_reduce(x)
    return dist.get_rank(), dist.get_world_size(), float(x)


@fact("torch.distributed.init_process_group")
@pytest.mark.parametrize("options", [{}, {"init_method": "env://"}], ids=["default", "env"])
def test_group_is_initialized_from_the_environment(ranks, options):
    """`init_process_group` reads RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT by default, as with "env://"."""
    assert ranks(1, _begin, options, ENVIRONMENT) == [(0, 1, 1.0)]


@fact("torch.distributed.init_process_group")
def test_group_is_initialized_by_an_address(ranks):
    """`init_process_group` with "tcp://host:port", `rank` and `world_size` needs no variables of the environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"init_method": f"tcp://127.0.0.1:{port}", "rank": 0, "world_size": 1}
    assert ranks(1, _begin, options, {}) == [(0, 1, 1.0)]


@fact("torch.distributed.init_process_group")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"init_method": "no-such://"}, "No rendezvous handler for no-such://"),
        ({"init_method": "tcp://127.0.0.1:1", "world_size": 1}, "rank parameter missing"),
        ({"init_method": "tcp://127.0.0.1:1", "rank": 0}, "world size parameter missing"),
        ({"init_method": "file:///no/such"}, "rank parameter missing"),
        ({"store": True, "rank": 0}, "world_size must be positive if using store"),
        ({"store": True, "world_size": 1}, "rank must be non-negative if using store"),
        ({"store": True, "init_method": "env://"}, "Cannot specify both init_method and store"),
    ],
    ids=["scheme", "rank", "size", "file", "size of store", "rank of store", "both"],
)
def test_group_needs_all_that_its_method_does_not_say(options, says):
    """`init_process_group` names what is missing or too much: "rank parameter missing", "Cannot specify both"."""
    given = {**options, "store": dist.HashStore()} if "store" in options else options
    with pytest.raises((AssertionError, ValueError, RuntimeError), match=says):
        dist.init_process_group("gloo", **given)
