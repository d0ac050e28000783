"""What pyproject.toml cannot say: the C code is compiled when the package is built."""

from setuptools import setup

setup(cffi_modules=["build_spring.py:maker"])
