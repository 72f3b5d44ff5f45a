"""A catalogue travels whole, manifests and all."""

import orjson

from service.catalogue import Catalogue, CataloguedModel
from service.many.catalogues import pack, unpack
from tests.service.conftest import MIXED, MakeManifest


def test_what_is_packed_is_unpacked(make_manifest: MakeManifest) -> None:
    manifest = make_manifest(MIXED)
    model = CataloguedModel(
        "toy",
        [1, 3, 4],
        {"production": 4, "previous": 3},
        {3, 4},
        {3: manifest},
        refused={4: "it answered otherwise"},
        effective={"production": 3},
    )
    empty = CataloguedModel("other", [], {})
    sent = orjson.dumps(pack(Catalogue({"toy": model, "other": empty}), {("toy", 3): manifest}))
    catalogue, served = unpack(orjson.loads(sent))
    assert catalogue.models == {"toy": model, "other": empty}
    assert served == {("toy", 3): manifest}
    assert catalogue.complete() == Catalogue({"toy": model}).complete()
