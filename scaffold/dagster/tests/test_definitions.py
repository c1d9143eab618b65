"""The definitions load, and a partition of every asset materialises: messages, checks and metadata arrive."""

import os
import sys
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import definitions  # noqa: E402


def test_definitions_load():
    dg.Definitions.validate_loadable(definitions.defs)


@pytest.mark.parametrize("name", definitions.ASSETS)
def test_a_partition_materialises(name, tmp_path):
    settings = definitions.SETTINGS["assets"][name]
    asset = definitions.ASSETS[name]
    with dg.DagsterInstance.ephemeral() as instance:
        partition = None
        if settings.get("partitions", "none") != "none":
            partition = definitions.listed(settings)[0]
            if settings["partitions"] == "list":
                instance.add_dynamic_partitions(name, [partition])
        result = dg.materialize(
            [asset],
            instance=instance,
            partition_key=partition,
            resources={"zeroth": definitions.Zeroth(store=os.environ.get("ZEROTH_TEST_STORE", str(tmp_path)))},
        )
    assert result.success
    [event] = result.asset_materializations_for_node(name)
    assert "key" in event.metadata and "store_path" in event.metadata
    assert {check.check_name for check in result.get_asset_check_evaluations()} == set(settings.get("checks", []))
