import json

from nonlin import demonstration
from nonlin.inspection import inspect
from nonlin.report import sarif


def test_every_finding_is_a_result_with_a_known_rule():
    inspection = inspect(demonstration.model_path(), demonstration.data_path())
    log = json.loads(sarif(inspection))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert [r["ruleId"] for r in run["results"]] == [f.kind for f in inspection.findings]
    assert {r["ruleId"] for r in run["results"]} <= rules
    assert {r["level"] for r in run["results"]} <= {"note", "warning", "error"}
    for result, finding in zip(run["results"], inspection.findings, strict=True):
        assert finding.message in result["message"]["text"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "digits.onnx"
        assert place["logicalLocations"] == [{"fullyQualifiedName": finding.call}]
    prints = [r["partialFingerprints"]["nonlin/v1"] for r in run["results"]]
    assert len(set(prints)) == len(prints)
