"""The laws, one family a file; `synapsnet.testing` exports the classes to inherit."""
