"""`python deploy/supply/sbom.py FILE`: make a CycloneDX list the same on every machine, with no paths of it."""

import json
import sys
from pathlib import Path


def cleaned(text: str) -> str:
    sbom = json.loads(text)
    names: dict[str, str] = {}
    for component in sbom["components"]:
        kept = [one for one in component.get("externalReferences", []) if not one["url"].startswith("file:")]
        component.pop("externalReferences", None)
        if kept:
            component["externalReferences"] = kept
        if component["bom-ref"].startswith("BomRef."):  # of what was installed from a folder
            names[component["bom-ref"]] = component["bom-ref"] = f"{component['name']}=={component['version']}"
    sbom["components"].sort(key=lambda component: component["bom-ref"])
    for entry in sbom["dependencies"]:
        entry["ref"] = names.get(entry["ref"], entry["ref"])
        if "dependsOn" in entry:
            entry["dependsOn"] = sorted(names.get(ref, ref) for ref in entry["dependsOn"])
    sbom["dependencies"].sort(key=lambda entry: entry["ref"])
    found = json.dumps(sbom, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if "file:" in found or "BomRef." in found:
        raise SystemExit("error: a path or a random reference is left in the list")
    return found


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(cleaned(file.read_text("utf-8")), "utf-8")
