pytest_plugins = ["fixtures.plugins", "pytester"]
