from gearshift.routing.predict import Predictor
from tests.unit.routing.scene import Oracle, deployment, estimate, request


def test_whatever_has_a_version_and_predicts_is_a_predictor() -> None:
    predictor: Predictor = Oracle({"small": estimate(0.7, 10), "lab/large": estimate(0.9, 90)})

    found = predictor.predict(request(), [deployment("large"), deployment("small"), deployment("new")])

    assert [each.quality for each in found] == [0.9, 0.7, 0.5]
    assert predictor.version == "oracle-1"
