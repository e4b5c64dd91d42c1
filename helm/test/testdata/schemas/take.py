"""Takes the schemas beside it out of what their projects publish: see README.md. Usage: take.py <gateway-api> <keda>, the folders of the Go modules."""

import json
import pathlib
import sys

import yaml
from cloudcoil.models.prometheus_operator import v1 as monitoring

here = pathlib.Path(__file__).parent
texts = {"type": "object", "additionalProperties": {"type": "string"}}
metadata = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}, "labels": texts, "annotations": texts},
}


def strict(schema):
    """What the API server holds objects to, without texts; a field that it would drop without a word is a mistake here."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: strict(one) for name, one in value.items()}
        elif key == "x-kubernetes-int-or-string":
            kept["type"] = ["integer", "string"]
        elif key == "pattern":
            # Python takes flags at the start only.
            kept[key] = "(?i)" + value.replace("(?i)", "") if "(?i)" in value else value
        elif key not in ("description", "title", "default", "format") and not key.startswith("x-kubernetes-"):
            kept[key] = strict(value)
    if "properties" in schema and "additionalProperties" not in schema:
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            kept["additionalProperties"] = False
    return kept


def write(kind, version, source, schema):
    made = strict(schema)
    made["properties"].pop("status", None)
    made["properties"].update(apiVersion={"const": version}, kind={"const": kind}, metadata=metadata)
    made["required"] = ["apiVersion", "kind", "metadata", "spec"]
    names = set()
    while True:
        used = {name for name in made.get("$defs", {}) if f'"#/$defs/{name}"' in json.dumps(made)}
        if used == names:
            break
        names = used
        made["$defs"] = {name: one for name, one in made["$defs"].items() if name in used}
    document = {"$comment": f"{source}; made by take.py", **made}
    (here / f"{kind}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


def write_custom(path, version, source):
    (definition,) = [one for one in yaml.safe_load_all(path.read_text()) if one and one["kind"] == "CustomResourceDefinition"]
    spec = definition["spec"]
    (found,) = [one for one in spec["versions"] if one["name"] == version]
    write(spec["names"]["kind"], f"{spec['group']}/{version}", source, found["schema"]["openAPIV3Schema"])


gateway, keda = (pathlib.Path(folder) for folder in sys.argv[1:])
write_custom(gateway / "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml", "v1", gateway.name)
write_custom(keda / "config/crd/bases/keda.sh_scaledobjects.yaml", "v1alpha1", f"keda/{keda.name}")
for kind in ("PodMonitor", "ServiceMonitor", "PrometheusRule"):
    schema = getattr(monitoring, kind).model_json_schema(by_alias=True)
    write(kind, "monitoring.coreos.com/v1", "prometheus-operator@v0.80.1, by cloudcoil-models-prometheus-operator 0.80.1.0", schema)
