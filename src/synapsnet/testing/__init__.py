"""The laws of synapsnet, to be inherited by the tests of another lab, and the small tasks that they run on.

    from synapsnet.testing import HonestyLaws, ModelLaws

    class TestMine(ModelLaws, HonestyLaws):
        def make(self, spec):
            return Mine(spec=spec, likelihood=default_likelihood(signal=spec.signal), width=3)

pytest then runs every law on ``Mine``. Needs the extra ``test``.
"""

try:
    import pytest
except ModuleNotFoundError:
    raise ModuleNotFoundError("synapsnet.testing needs pytest: pip install 'synapsnet[test]'", name="pytest") from None

pytest.register_assert_rewrite("synapsnet.testing.laws")  # a broken law shows the values that break it

from synapsnet.testing.fitting import Recipe, descend, fitted, seeded  # noqa: E402 - after the line above
from synapsnet.testing.laws.connectivity import ConnectivityLaws  # noqa: E402
from synapsnet.testing.laws.honesty import HonestyLaws  # noqa: E402
from synapsnet.testing.laws.methods import MethodLaws  # noqa: E402
from synapsnet.testing.laws.models import ModelLaws  # noqa: E402
from synapsnet.testing.tasks import FRACTIONS, KINDS, N_UNITS, Kind, Listed, coupled, simulated, small_task  # noqa: E402

__all__ = [
    "FRACTIONS",
    "KINDS",
    "N_UNITS",
    "ConnectivityLaws",
    "HonestyLaws",
    "Kind",
    "Listed",
    "MethodLaws",
    "ModelLaws",
    "Recipe",
    "coupled",
    "descend",
    "fitted",
    "seeded",
    "simulated",
    "small_task",
]
