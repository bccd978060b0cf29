from setuptools import setup

NEEDS = ["torch>=2.5", "x"]
EXTRAS = {"dev": ["torchvision"]}
setup(install_requires=NEEDS + [f"numpy>={1}"], extras_require=EXTRAS, python_requires=">=3.10")
