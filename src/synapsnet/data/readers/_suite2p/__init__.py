"""The parts of the reader of suite2p folders."""
