pytest_plugins = ["torchproof.plugins", "pytester"]
