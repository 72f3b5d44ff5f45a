"""A catalogue as JSON, for the API processes that shall serve it."""

from typing import Any

from models.manifest import Manifest
from service.catalogue import Catalogue, CataloguedModel
from service.loadout import Name


def pack(catalogue: Catalogue, manifests: dict[Name, Manifest]) -> dict[str, Any]:
    """Return a catalogue, and the manifests of all versions that are served by it."""
    return {
        "models": [
            {
                "name": model.name,
                "versions": model.versions,
                "aliases": model.aliases,
                "wanted": sorted(model.wanted),
                "manifests": [one.to_json() for one in model.manifests.values()],
                "refused": list(model.refused.items()),
                "effective": model.effective,
            }
            for model in catalogue.models.values()
        ],
        "served": [manifest.to_json() for manifest in manifests.values()],
    }


def unpack(packed: dict[str, Any]) -> tuple[Catalogue, dict[Name, Manifest]]:
    """Return what `pack` was given."""
    models = {}
    for told in packed["models"]:
        manifests = map(Manifest.from_json, told["manifests"])
        models[told["name"]] = CataloguedModel(
            told["name"],
            told["versions"],
            told["aliases"],
            set(told["wanted"]),
            {manifest.version: manifest for manifest in manifests},
            refused=dict(told["refused"]),
            effective=told["effective"],
        )
    served = map(Manifest.from_json, packed["served"])
    return Catalogue(models), {(one.name, one.version): one for one in served}
