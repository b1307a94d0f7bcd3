#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SmartRedis's own Python client, unmodified, against servers with the module: standalone over TCP and a
Unix socket, and a cluster of three. What it wrote is also read in plain protocol, and the reverse.
Prints TAP.
"""
import os
import re
import sys
import tempfile

from servers import MODULE, PREFIX, ROOT, Cluster, Server, kinds_or_skip, tap
from torch_models import torch_models

sys.path.insert(0, os.path.join(PREFIX, "smartredis"))
try:
    import numpy as np
    import smartredis
    from smartredis import Client, Dataset
    from smartredis.error import RedisKeyError, RedisReplyError
except ImportError as error:
    tap.skip_all("no SmartRedis (%s): scripts/setup.sh server fetches its wheel" % error)

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
TYPES = ("float64", "float32", "int8", "int16", "int32", "int64", "uint8", "uint16")
META_TYPES = ("float64", "float32", "int32", "int64", "uint32", "uint64")
LINEAR = "def f(x):\n    return x * 2 + 1\n\ndef two(a, b):\n    return a + b, a - b\n"
# Its own default for a reply is 250 ms, after which it sends the same command again.
os.environ.update(SR_LOG_LEVEL="quiet", SR_LOG_FILE=os.devnull, SR_SOCKET_TIMEOUT="60000",
                  SR_CONN_TIMEOUT="10", SR_CONN_INTERVAL="100", SR_CMD_TIMEOUT="10",
                  SR_CMD_INTERVAL="100", SR_MODEL_TIMEOUT="60000")


def double(x):
    return x * 2


class Place:
    """Servers of one kind and how clients reach them."""

    def __init__(self, name, servers, address, cluster=None, models=""):
        self.name, self.servers, self.address = name, servers, address
        self.cluster, self.models = cluster, models

    def client(self, key_in="", key_out=""):
        os.environ.update(SSDB=self.address, SSKEYIN=key_in, SSKEYOUT=key_out,
                          SR_DB_TYPE="Clustered" if self.cluster else "Standalone")
        return Client(None, "test")

    def plain(self, *command):
        """The same server in plain protocol."""
        server = self.cluster.server_of(command[1]) if self.cluster else self.servers[0]
        return server.call(*command)

    def test(self, good, name, *notes):
        return tap.test(good, "%s: %s" % (self.name, name), *notes)

    def raises(self, kind, call, name):
        try:
            call()
        except kind as e:
            return self.test(True, name, e)
        except Exception as e:  # any other kind is the failure
            return self.test(False, name, "%s: %s" % (type(e).__name__, e))
        return self.test(False, name, "nothing was raised")

    def has(self, backend):
        return os.path.exists(os.path.join(BACKENDS, "weir_backend_%s.so" % backend))


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def check_tensors(at):
    c, wrong = at.client(), []
    for i, name in enumerate(TYPES):
        for shape in ((3,), (2, 3), (1, 4, 2), (2, 1, 2, 3, 1)):
            data = (np.arange(np.prod(shape)) * 7 - (i % 2)).astype(name).reshape(shape)
            c.put_tensor("t", data)
            if not same(c.get_tensor("t"), data):
                wrong.append((name, shape))
    at.test(not wrong, "tensors of all types and several shapes come back", wrong)
    big = np.random.default_rng(1).standard_normal((1 << 21,))
    c.put_tensor("big", big)
    at.test(same(c.get_tensor("big"), big), "16 MB come back")
    c.delete_tensor("big")

    data = np.arange(6, dtype="float32").reshape(2, 3)
    c.put_tensor("t1", data)
    at.test(at.plain("AI.TENSORGET", "t1", "META", "BLOB") ==
            [b"dtype", b"FLOAT", b"shape", [2, 3], b"blob", data.tobytes()],
            "others read what it wrote")
    at.plain("AI.TENSORSET", "theirs", "INT64", 2, "BLOB", np.array([1, -2]).tobytes())
    at.test(same(c.get_tensor("theirs"), np.array([1, -2])), "it reads what others wrote")
    c.rename_tensor("t1", "t2")
    c.copy_tensor("t2", "t3")
    at.test(not c.tensor_exists("t1") and c.tensor_exists("t2") and same(c.get_tensor("t3"), data),
            "rename and copy")
    c.delete_tensor("t2")
    c.delete_tensor("t2")
    at.test(not c.key_exists("t2") and c.key_exists("t3"), "delete, of what is missing too")
    at.raises(RedisReplyError, lambda: c.get_tensor("t2"), "a missing tensor raises")
    at.test(c.poll_tensor("t3", 1, 1) and not c.poll_tensor("t2", 1, 3) and c.poll_key("t3", 1, 1),
            "polling")


def make_dataset(name, k=0):
    d = Dataset(name)
    d.add_tensor("x", np.arange(6, dtype="float64").reshape(2, 3) + k)
    d.add_tensor("y", np.array([k], dtype="uint16"))
    for kind in META_TYPES:
        for value in (1, 2 + k):
            d.add_meta_scalar(kind, np.dtype(kind).type(value))
    for text in ("ab", "", "c d\xe4"):
        d.add_meta_string("text", text)
    return d


def is_dataset(d, k=0):
    return same(d.get_tensor("x"), np.arange(6, dtype="float64").reshape(2, 3) + k) and \
        same(d.get_tensor("y"), np.array([k], dtype="uint16")) and \
        all(same(d.get_meta_scalars(t), np.array([1, 2 + k], dtype=t)) for t in META_TYPES) and \
        list(d.get_meta_strings("text")) == ["ab", "", "c d\xe4"]


def check_datasets(at):
    c = at.client()
    c.put_dataset(make_dataset("d1"))
    at.test(is_dataset(c.get_dataset("d1")) and c.dataset_exists("d1"), "a dataset comes back")
    got = c.get_dataset("d1")
    at.test(sorted(got.get_tensor_names()) == ["x", "y"] and
            sorted(got.get_metadata_field_names()) == sorted(META_TYPES + ("text",)),
            "its names come back", got.get_metadata_field_names())
    at.test(at.plain("HGET", "{d1}.meta", ".COMPLETE") == b"1" and
            at.plain("HGET", "{d1}.meta", "int32") == b"\x03\1\0\0\0\2\0\0\0" and
            at.plain("AI.TENSORGET", "{d1}.y", "META") == [b"dtype", b"UINT16", b"shape", [1]],
            "others read what it wrote")
    c.copy_dataset("d1", "d2")
    c.rename_dataset("d2", "d3")
    at.test(is_dataset(c.get_dataset("d3")) and not c.dataset_exists("d2"), "copy and rename")
    c.delete_dataset("d3")
    at.test(not c.dataset_exists("d3") and at.plain("EXISTS", "{d3}.x") == 0, "delete")
    at.raises(RedisKeyError, lambda: c.get_dataset("d3"), "a missing dataset raises")
    at.test(c.poll_dataset("d1", 1, 1) and not c.poll_dataset("d3", 1, 2), "polling")


def check_lists(at):
    c = at.client()
    for i in range(5):
        d = make_dataset("e%d" % i, i)
        c.put_dataset(d)
        c.append_to_list("L", d)

    def numbers(found):
        found = [Dataset.from_pybind(d) for d in found]
        return [int(d.get_tensor("y")[0]) if is_dataset(d, int(d.get_tensor("y")[0])) else -1
                for d in found]

    at.test(c.get_list_length("L") == 5 and numbers(c.get_datasets_from_list("L")) == [0, 1, 2, 3, 4],
            "a list of datasets comes back in order")
    at.test(numbers(c.get_dataset_list_range("L", 1, 3)) == [1, 2, 3] and
            numbers(c.get_dataset_list_range("L", -2, -1)) == [3, 4], "ranges of it")
    c.copy_list("L", "L2")
    c.rename_list("L2", "L3")
    at.test(numbers(c.get_datasets_from_list("L3")) == [0, 1, 2, 3, 4] and
            c.get_list_length("L2") == 0, "copy and rename")
    at.test(c.poll_list_length("L", 5, 1, 1) and c.poll_list_length_gte("L", 4, 1, 1) and
            c.poll_list_length_lte("L", 5, 1, 1) and not c.poll_list_length("L", 6, 1, 2), "polling")
    at.test(at.plain("LRANGE", "L", 0, 0) == [b"{e0}"], "others read what it wrote")
    c.delete_list("L")
    at.test(c.get_list_length("L") == 0, "delete")
    at.raises(RedisReplyError, lambda: c.copy_list("L", "L4"), "a missing list cannot be copied")


def check_prefixes(at):
    writer, reader = at.client(key_out="sim1"), at.client(key_in="sim0,sim1", key_out="ml")
    data = np.arange(4, dtype="int32")
    writer.put_tensor("t", data)
    d = make_dataset("d")
    writer.put_dataset(d)
    writer.append_to_list("L", d)
    at.test(at.plain("EXISTS", "sim1.t") == 1 and at.plain("EXISTS", "sim1.{d}.meta") == 1 and
            at.plain("LRANGE", "sim1.L", 0, -1) == [b"sim1.{d}"], "names carry the prefix")
    at.test(not reader.tensor_exists("t"), "the first of SSKEYIN is read")
    reader.set_data_source("sim1")
    at.test(same(reader.get_tensor("t"), data) and is_dataset(reader.get_dataset("d")) and
            reader.get_list_length("L") == 1, "set_data_source reads another's")
    reader.use_tensor_ensemble_prefix(False)
    reader.put_tensor("bare", data)
    at.test(at.plain("EXISTS", "bare") == 1 and reader.key_exists("sim1.t"), "prefixes can be off")


def run_models(at, backend, model, expected):
    c = at.client()
    x = np.arange(1, 7, dtype="float32").reshape(2, 3)
    c.put_tensor("x", x)
    c.set_model("m", model, backend, "CPU", tag="v1")
    at.test(c.model_exists("m") and c.poll_model("m", 1, 1) and bytes(c.get_model("m")) == model,
            "a model of %s comes back byte for byte" % backend)
    c.run_model("m", inputs=["x"], outputs=["y"])
    at.test(same(c.get_tensor("y"), expected), "a model of %s runs" % backend, c.get_tensor("y"))
    c.set_model("m", model, backend, "CPU", batch_size=4, min_batch_size=2, min_batch_timeout=10)
    c.run_model("m", "x", "y2")
    at.test(same(c.get_tensor("y2"), expected), "a batched model of %s runs" % backend)
    at.raises(RedisReplyError, lambda: c.run_model("m", ["none"], ["z"]), "a missing input raises")
    at.raises(RedisReplyError, lambda: c.run_model("none", ["x"], ["z"]), "a missing model raises")
    at.raises(RedisReplyError, lambda: c.set_model("bad", b"xyz", backend), "bytes of no model raise")
    at.test(not c.tensor_exists("z") and not c.model_exists("bad"), "a failure leaves nothing")
    check_info(at, c, "m", calls=1)
    c.delete_model("m")
    at.test(not c.model_exists("m"), "a model of %s is deleted" % backend)
    at.raises(RedisReplyError, lambda: c.run_model("m", ["x"], ["y"]), "a deleted model raises")


def check_info(at, c, model, calls):
    addresses = ["127.0.0.1:%d" % s.port for s in at.servers]
    if not at.cluster:
        addresses = [at.address]
    counted = [c.get_ai_info([a], model)[0] for a in addresses]
    at.test(sum(int(i["calls"]) for i in counted) >= calls and
            all(i["type"] == "MODEL" and i["device"] == "CPU" for i in counted), "get_ai_info", counted)
    at.raises(RedisReplyError, lambda: c.get_ai_info([addresses[0]], "none"), "of no model it raises")


def check_models(at):
    if at.has("onnx"):
        with open(os.path.join(ROOT, "tests", "models", "trailing.onnx"), "rb") as f:
            model = f.read()
        run_models(at, "ONNX", model, np.arange(2, 14, 2, dtype="float32").reshape(2, 3))
    else:
        tap.skip(at.name + ": ONNX models", "no onnx backend")
    if not at.models or not at.has("torch"):
        tap.skip(at.name + ": TORCH models and scripts", "no torch backend, or no PyTorch")
        return
    path = os.path.join(at.models, "linear.pt")
    with open(path, "rb") as f:
        model = f.read()
    run_models(at, "TORCH", model, np.array([[14.5, 31.5], [32.5, 76.5]], dtype="float32"))
    c = at.client()
    c.set_model_from_file("file", path, "TORCH", "CPU")
    at.test(bytes(c.get_model("file")) == model, "a model of a file")
    check_multi_gpu(at, c, model)
    check_scripts(at)


def check_multi_gpu(at, c, model):
    """Without a GPU the server may refuse or run on the host; either way it says so, and the names are
    those that other SmartRedis programs look for."""
    try:
        c.set_model_multigpu("mg", model, "TORCH", 0, 2)
    except RedisReplyError as e:
        at.test(not c.model_exists("mg"), "models for GPUs are refused in words", e)
        return
    at.test(c.model_exists("mg.GPU:0") and c.model_exists("mg.GPU:1") and c.model_exists("mg"),
            "models for GPUs have their names")
    c.run_model_multigpu("mg", 1, 0, 2, "x", "yg")
    at.test(c.tensor_exists("yg"), "run_model_multigpu")
    c.delete_model_multigpu("mg", 0, 2)
    at.test(not c.model_exists("mg.GPU:0"), "delete_model_multigpu")


def check_scripts(at):
    c = at.client()
    x = np.arange(1, 7, dtype="float32").reshape(2, 3)
    c.put_tensor("x", x)
    c.set_script("s", LINEAR, "CPU")
    at.test(c.get_script("s") == LINEAR and c.model_exists("s"), "a script comes back")
    c.run_script("s", "f", ["x"], ["sy"])
    at.test(same(c.get_tensor("sy"), x * 2 + 1), "a script runs")
    c.run_script("s", "two", ["sy", "x"], ["sum", "difference"])
    at.test(same(c.get_tensor("sum"), x * 3 + 1) and same(c.get_tensor("difference"), x + 1),
            "two inputs, two outputs")
    c.set_function("fn", double)
    c.run_script("fn", "double", "x", "fy")
    at.test(same(c.get_tensor("fy"), x * 2), "a Python function is sent and runs")
    at.raises(RedisReplyError, lambda: c.set_script("bad", "def f(x:\n", "CPU"), "bad source raises")
    at.raises(RedisReplyError, lambda: c.run_script("s", "g", ["x"], ["z"]), "no such function raises")
    at.raises(RedisReplyError, lambda: c.run_script("s", "two", ["x"], ["z", "z2"]),
              "too few inputs raise")
    c.delete_script("s")
    at.test(not c.model_exists("s"), "a script is deleted")


def check_server(at):
    c = at.client()
    addresses = [at.address] if not at.cluster else ["127.0.0.1:%d" % s.port for s in at.servers]
    info = c.get_db_node_info([addresses[0]])[0]
    at.test({"Server", "Memory", "Persistence", "Modules"} <= set(info) and
            re.match(r"\d+\.\d+", info["Server"]["redis_version"]) is not None,
            "get_db_node_info reads every line of INFO EVERYTHING", sorted(info))
    at.test(c.config_get("dbfilename", addresses[0]) == {"dbfilename": "dump.rdb"}, "config_get")
    c.config_set("lua-time-limit", "6000", addresses[0])
    at.test(c.config_get("lua-time-limit", addresses[0]) == {"lua-time-limit": "6000"}, "config_set")
    at.raises(RedisReplyError, lambda: c.config_set("no-such", "1", addresses[0]),
              "an unknown parameter raises")
    if at.cluster:
        state = c.get_db_cluster_info([addresses[0]])[0]
        at.test(state["cluster_state"] == "ok", "get_db_cluster_info", state)
    else:
        at.raises(RedisReplyError, lambda: c.get_db_cluster_info(addresses),
                  "get_db_cluster_info of one server raises")
    c.put_tensor("t", np.arange(3))
    c.save(addresses)
    c.flush_db(addresses)
    at.test(not c.tensor_exists("t"), "save, then flush_db")


def check_chunks(at):
    """set_model_chunk_size prints on stdout, so that is elsewhere meanwhile."""
    c = at.client()
    with open(os.path.join(ROOT, "tests", "models", "trailing.onnx"), "rb") as f:
        model = f.read()
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            c.set_model_chunk_size(40)
            c.set_model("chunks", model, "ONNX", "CPU")
        finally:
            os.dup2(kept, 1)
            os.close(kept)
    c.put_tensor("x", np.ones((1, 2), dtype="float32"))
    c.run_model("chunks", "x", "y")
    at.test(same(c.get_tensor("y"), 2 * np.ones((1, 2), dtype="float32")), "a model in chunks")


def check_all(at):
    for check in (check_tensors, check_datasets, check_lists, check_prefixes, check_models,
                  check_server):
        try:
            check(at)
        except Exception as e:  # the next check may still say something
            at.test(False, check.__name__ + " ends", "%s: %s" % (type(e).__name__, e))
    if at.has("onnx"):
        check_chunks(at)


def main():
    found = kinds_or_skip()
    print("# SmartRedis %s" % getattr(smartredis, "__version__", "0.6.1"))
    with tempfile.TemporaryDirectory() as folder:
        models = folder if torch_models(folder) else ""
        for kind in found:
            with Server(kind, module=MODULE) as server:
                check_all(Place(kind + " unix", [server], "unix://" + server.path, models=models))
            with Server(kind, module=MODULE) as server:
                check_all(Place(kind + " tcp", [server], "127.0.0.1:%d" % server.port, models=models))
            with Cluster(3, kind=kind, module=MODULE) as cluster:
                check_all(Place(kind + " cluster", cluster.primaries, ",".join(
                    "127.0.0.1:%d" % s.port for s in cluster.primaries), cluster, models))
    tap.done()


main()
