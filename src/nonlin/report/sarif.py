"""An inspection as SARIF 2.1.0, the format that code scanning services read."""

import json
from importlib.metadata import version
from typing import Any, get_args

from nonlin.inspection import Inspection, Kind

__all__ = ["sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_RULES = {
    "dead": "Units that get no gradient on any sample",
    "saturated": "Units that are mostly on a flat part of their function",
    "linear": "Activations that act linearly on the data",
    "collapse": "Affine layers in a row with no non-linearity between them",
    "vanishing": "Gradients that have vanished",
    "exploding": "Gradients or outputs that explode",
    "nonfinite": "Values that are NaN or infinite",
    "uncentred": "Outputs that are not centred",
    "dormant": "Units that answer far less than their layer",
    "massive": "Outputs far larger than their layer's",
    "low-rank": "Units that all follow one or two directions",
}


def sarif(inspection: Inspection) -> str:
    """Return the findings as a SARIF log with one run.

    A finding's place is the model file and, as a logical location, the call; its fingerprint is made of the kind and
    the call, so that a service recognises it in the next report.
    """
    driver = {
        "name": "nonlin",
        "semanticVersion": version("nonlin"),
        "rules": [{"id": kind, "shortDescription": {"text": _RULES[kind]}} for kind in get_args(Kind)],
    }
    found = inspection.to_dict()["findings"]
    run = {"tool": {"driver": driver}, "results": [_result(finding, inspection.model) for finding in found]}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _result(finding: dict[str, Any], model: str) -> dict[str, Any]:
    return {
        "ruleId": finding["kind"],
        "level": finding["severity"],
        "message": {"text": f"{finding['message']}. To try: {finding['advice']}."},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": model}},
                "logicalLocations": [{"fullyQualifiedName": finding["call"]}],
            }
        ],
        "partialFingerprints": {"nonlin/v1": f"{finding['kind']}/{finding['call']}"},
        "properties": {name: finding[name] for name in ("figure", "threshold", "samples", "units")},
    }
