"""What talks to servers: downloads, streaming, and the public APIs of archives."""
