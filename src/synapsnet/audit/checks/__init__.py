"""Families of checks, one module each; `synapsnet.audit.register` says what a module offers."""
