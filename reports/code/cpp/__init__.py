"""C++ and CUDA extensions: the standard that a project builds them in, and what their sources ask of torch's headers.

`extensions` follows the calls that make them, `builds` reads CMake and Meson. What the `sources` meet in a release is
told by what they include (`includes`), conditions of the `preprocessor`, and the `headers` that it has.
"""
