"""The 360Giving export against the standard's own schema, version 1.4; the schema files lie beside the checkout."""

import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.funding.scene import Scene, build, enter

BESIDE = Path(__file__).resolve().parents[3] / "shared/data/360giving"
FOLDER = Path(os.environ["SCHEMAS_DIR"]) / "360giving" if os.environ.get("SCHEMAS_DIR") else BESIDE
GRANTS = "https://raw.githubusercontent.com/ThreeSixtyGiving/standard/1.4.2/schema/360-giving-schema.json"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")   # RFC 3339, as "date-time" means it


@pytest.fixture
def scene(app: Flask) -> Scene:
    return build(app)


def exported(client: FlaskClient) -> dict:
    answer = client.get("/fund/reports/360giving.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return json.loads(answer.data)


def validator():
    """The standard's own rules. Its `$schema` is an unknown dialect and its `$ref` an address of the network."""
    files = {name: FOLDER / name for name in ("360-giving-package-schema.json", "360-giving-schema.json")}
    if missing := [str(path) for path in files.values() if not path.is_file()]:
        pytest.skip(f"the 360Giving schema is not here ({missing[0]}); set SCHEMAS_DIR to the folder that holds 360giving/")
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    package, grants = (json.loads(path.read_text()) for path in files.values())
    registry = Registry().with_resource(GRANTS, DRAFT202012.create_resource(grants))
    formats = FormatChecker(("date",))
    formats.checks("uri")(lambda value: not isinstance(value, str) or urlsplit(value).scheme in {"http", "https"})
    formats.checks("date-time")(lambda value: not isinstance(value, str) or MOMENT.fullmatch(value) is not None)
    return Draft202012Validator(package, registry=registry, format_checker=formats)


@pytest.mark.parametrize("who", ["giver", "keeper"])
def test_the_export_is_valid_by_the_standards_own_schema(client: FlaskClient, scene: Scene, who: str) -> None:
    check = validator()
    enter(client, scene, who)
    data = exported(client)
    assert [error.message for error in check.iter_errors(data)] == []


def test_the_schema_refuses_what_is_not_of_the_standard(client: FlaskClient, scene: Scene) -> None:
    check = validator()
    enter(client, scene, "giver")
    for spoil in ({"currency": "RMB"}, {"amountAwarded": "5万"}, {"awardDate": None}, {"recipientOrganization": []}):
        data = exported(client)
        data["grants"][0].update(spoil)
        assert list(check.iter_errors(data)), spoil


def test_grants_say_what_was_promised_and_what_arrived(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    data = exported(client)
    assert data["version"] == "1.4"
    grants = {grant["id"].rpartition("-")[2]: grant for grant in data["grants"]}
    assert scene.refs["spoken"] not in grants            # a word is no grant
    kept, coming = grants[scene.refs["kept"]], grants[scene.refs["coming"]]
    assert (kept["amountAwarded"], kept["amountDisbursed"], kept["currency"]) == (20_000, 20_000, "CNY")
    assert [one["value"] for one in kept["commitmentTransaction"]] == [20_000]
    assert [one["value"] for one in coming["disbursementTransaction"]] == [3_000]
    assert kept["fundingOrganization"][0]["name"] == scene.refs["giver_name"]
    assert kept["recipientOrganization"][0]["id"].startswith("CN-USCC-")


def test_matching_money_is_a_grant_made_of_its_allocations(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    grant, = exported(client)["grants"]
    assert (grant["amountAwarded"], grant["amountDisbursed"]) == (10_000, 0)
    assert [one["value"] for one in grant["commitmentTransaction"]] == [10_000]
    assert sum(one["value"] for one in grant["commitmentTransaction"]) == grant["amountAwarded"]
