"""Communication with servers: downloads, streaming, and the public APIs of archives."""
