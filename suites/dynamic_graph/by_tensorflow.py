"""What TensorFlow does with a graph, asked in a process of its own.

Where TensorFlow is imported, Triton aborts the process as torch.compile imports it. Each function here is one
question, of TensorFlow and of a list for what its Python code did, and returns what JSON can hold.
"""

import json
import os
import random
import subprocess
import sys
from functools import cache


@cache
def answers():
    """What each of the questions gives, by its name."""
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True, env=quiet)
    return json.loads(ended.stdout)


def in_a_session(tf, made, numbers, calls):
    """Define a graph of one number, and feed it the numbers: the results."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32)
        y = made(x, calls)
        return [float(session.run(y, {x: number})) for number in numbers]


def refused(ask):
    """The type and the words of what is raised."""
    try:
        return ["nothing", repr(ask())]
    except Exception as error:
        return [type(error).__name__, str(error)]


def of_a_graph(tf, ask):
    """What is refused of a result in a graph that is being defined."""
    with tf.Graph().as_default():
        return refused(lambda: ask(tf.compat.v1.placeholder(tf.float32) * 2))


def runs_python_in_a_session(tf, calls):
    def made(x, calls):
        calls.append("ran")
        return x * 2 + len(calls)

    return [in_a_session(tf, made, [1.0, 2.0, 3.0], calls), calls]


def keeps_a_switch_of_python(tf, calls):
    switch = {"on": True}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32)
        y = x * 2 if switch["on"] else x - 1
        results = [float(session.run(y, {x: 3.0}))]
        switch["on"] = False
        return [*results, float(session.run(y, {x: 3.0}))]


def refuses_to_branch(tf, calls):
    return of_a_graph(tf, lambda y: "up" if y > 0 else "down")


def refuses_to_loop(tf, calls):
    return of_a_graph(tf, list)


def refuses_a_number(tf, calls):
    return of_a_graph(tf, float)


def prints_no_values(tf, calls):
    return of_a_graph(tf, str)


def branches_by_an_operation(tf, calls):
    def made(x, calls):
        def branch(name, result):
            calls.append(name)
            return result

        return tf.compat.v1.cond(x > 0, lambda: branch("up", x * 2), lambda: branch("down", x - 1))

    return [in_a_session(tf, made, [3.0, -3.0], calls), calls]


def runs_python_in_a_function(tf, calls):
    @tf.function
    def drawn(x):
        calls.append("ran")
        return x * 2

    return [[float(drawn(tf.constant(number))) for number in (2.0, 3.0)], calls]


def traces_for_each_shape_and_dtype(tf, calls):
    @tf.function
    def drawn(x):
        calls.append(x.dtype.name)
        return x * 2

    for values in ([1.0], [2.0], [1.0, 2.0], [1], [3.0]):
        drawn(tf.constant(values))
    return calls


def traces_for_each_number_of_python(tf, calls):
    @tf.function
    def drawn(x, by):
        calls.append(by)
        return x * by

    return [[float(drawn(tf.constant(3.0), by)) for by in (1.0, 2.0, 1.0, 2.0)], calls]


def keeps_a_random_number_of_python(tf, calls):
    @tf.function
    def drawn(x):
        return x + random.random()

    return len({float(drawn(tf.constant(0.0))) for _ in range(3)})


def rewrites_branches(tf, calls):
    def branches(x):
        return x * 2 if x > 0 else x - 1

    up, down = tf.constant(3.0), tf.constant(-3.0)
    rewritten = tf.function(branches)
    kept = tf.function(branches, autograph=False)
    return [[float(rewritten(up)), float(rewritten(down))], refused(lambda: kept(up))]


QUESTIONS = [
    runs_python_in_a_session, keeps_a_switch_of_python, refuses_to_branch, refuses_to_loop, refuses_a_number,
    prints_no_values, branches_by_an_operation, runs_python_in_a_function, traces_for_each_shape_and_dtype,
    traces_for_each_number_of_python, keeps_a_random_number_of_python, rewrites_branches,
]  # fmt: skip

if __name__ == "__main__":
    import tensorflow

    print(json.dumps({ask.__name__: ask(tensorflow, []) for ask in QUESTIONS}))
