"""Checks objects against the schemas of Kubernetes, or of the projects that define their kinds: commands on standard input, answers on standard output, JSON by line."""

import json
import pathlib
import sys

import kubernetes_validate
from jsonschema import Draft202012Validator

schemas = pathlib.Path(__file__).parent / "testdata" / "schemas"
foreign = {path.stem: Draft202012Validator(json.loads(path.read_text())) for path in schemas.glob("*.json")}


def validate(params):
    problems = []
    for thing in params["objects"]:
        name = f"{thing['kind']} {thing['metadata']['name']}"
        if thing["kind"] in foreign:
            for error in foreign[thing["kind"]].iter_errors(thing):
                problems.append(f"{name}: {'.'.join(str(part) for part in error.path)}: {error.message}")
            continue
        try:
            kubernetes_validate.validate(thing, params["version"], strict=True)
        except kubernetes_validate.ValidationError as error:
            problems.append(f"{name}: {'.'.join(str(part) for part in error.path)}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            problems.append(f"{name}: {error.message}")
    return problems


for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = {"id": command["id"], "result": validate(command["params"])}
    except Exception as error:  # noqa: BLE001: the test says what went wrong
        answer = {"id": command["id"], "error": repr(error)}
    print(json.dumps(answer), flush=True)
