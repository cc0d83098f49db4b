"""Look for leaks: `python -m synapsnet.audit PATH`."""

import sys

from synapsnet.experiment.audit import main

if __name__ == "__main__":
    sys.exit(main())
