"""What can be said of connectivity once it is estimated: how it is read off, how sure it is, how true."""
