"""Assets of zeroth.yaml for Dagster. Each is a job of `zeroth run`; this file only turns partitions into its arguments.

What is computed, how, and whether it was computed before is the program's affair: results are found by what made them,
so a run that is tried again does what is left.
"""

import json
import os
import re
import shlex
import subprocess
from datetime import timedelta
from pathlib import Path

import dagster as dg
import yaml

HERE = Path(__file__).parent
SETTINGS = yaml.safe_load((HERE / os.environ.get("ZEROTH_YAML", "zeroth.yaml")).read_text())
RUNNER = os.environ.get("ZEROTH_RUNNER", SETTINGS.get("runner", "local"))
# The program on this machine: for the local runner, and for the names of partitions.
COMMAND = shlex.split(os.environ.get("ZEROTH_COMMAND", "")) or SETTINGS.get("command", ["zeroth"])


class Zeroth(dg.ConfigurableResource):
    """Starts `zeroth run` where it is to run, and hands back what it reported."""

    runner: str = RUNNER
    command: list[str] = COMMAND
    store: str = str(SETTINGS.get("store", "store"))
    image: str = SETTINGS.get("image", "zeroth:latest")
    environment: dict[str, str] = SETTINGS.get("environment", {})

    def run(self, context: dg.AssetExecutionContext, arguments: list[str]):
        # A run over several partitions at once has no partition key of its own: the program reads the extras alone.
        partitions = list(context.partition_keys) if context.has_partition_key or context.has_partition_key_range else []
        extras = {"partitions": partitions, "store": self.store, "attempt": context.retry_number}
        try:
            return self.start(context, arguments, extras).get_results()
        except Exception as error:
            # Exit code 2 is a mistake in zeroth.yaml: trying again changes nothing.
            if re.search(r"(code|status)\D{0,12}2\b", str(error)):
                raise dg.Failure(f"zeroth refused its arguments: {error}", allow_retries=False) from error
            raise

    def start(self, context: dg.AssetExecutionContext, arguments: list[str], extras: dict):
        if self.runner == "local":
            client = dg.PipesSubprocessClient(cwd=str(HERE), env=self.environment)
            return client.run(context=context, command=[*self.command, *arguments], extras=extras)
        # The image's entry point is the program.
        if self.runner == "docker":
            from dagster_docker import PipesDockerClient

            return PipesDockerClient().run(
                context=context,
                image=self.image,
                command=arguments,
                env=self.environment,
                extras=extras,
                container_kwargs=SETTINGS.get("docker", {}),
            )
        if self.runner == "k8s":
            from dagster_k8s import PipesK8sClient

            k8s = SETTINGS.get("k8s", {})
            return PipesK8sClient().run(
                context=context,
                image=self.image,
                command=["zeroth", *arguments],
                namespace=k8s.get("namespace"),
                env=self.environment,
                base_pod_meta=k8s.get("pod_meta"),
                base_pod_spec=k8s.get("pod_spec"),
                extras=extras,
            )
        raise dg.Failure(f"runner {self.runner}: expected local, docker or k8s", allow_retries=False)


def partitions_of(name: str, asset: dict) -> dg.PartitionsDefinition | None:
    """none; a list of names; {monthly: 2021-01}; or `list`: whatever the program lists, kept up to date by a sensor."""
    partitions = asset.get("partitions", "none")
    if partitions == "none":
        return None
    if partitions == "list":
        return dg.DynamicPartitionsDefinition(name=name)
    if isinstance(partitions, dict):
        return dg.MonthlyPartitionsDefinition(start_date=str(partitions["monthly"]), fmt="%Y-%m")
    return dg.StaticPartitionsDefinition(list(partitions))


def arguments_of(asset: dict) -> list[str]:
    return ["run", asset["job"], "--settings", json.dumps(asset.get("settings", {}))]


def define(name: str, asset: dict) -> dg.AssetsDefinition:
    partitions = partitions_of(name, asset)
    window = asset.get("fresh_within_hours")

    @dg.asset(
        name=name,
        description=asset.get("description"),
        deps=asset.get("after", []),
        partitions_def=partitions,
        code_version=str(asset["code_version"]),
        check_specs=[dg.AssetCheckSpec(check, asset=name) for check in asset.get("checks", [])],
        retry_policy=dg.RetryPolicy(max_retries=2, delay=asset.get("retry_delay", 30), backoff=dg.Backoff.EXPONENTIAL),
        backfill_policy=dg.BackfillPolicy.multi_run(asset.get("per_run", 1)) if partitions else None,
        pool=asset.get("pool"),
        automation_condition=dg.AutomationCondition.eager() if asset.get("eager") else None,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=window)) if window else None,
        group_name=asset.get("group", "zeroth"),
        kinds={"zeroth"},
    )
    def materialize(context: dg.AssetExecutionContext, zeroth: Zeroth):
        yield from zeroth.run(context, arguments_of(asset))

    return materialize


def listed(asset: dict) -> list[str]:
    """Names of an asset's partitions, as the program says."""
    run = subprocess.run(
        [*COMMAND, *arguments_of(asset), "--list", "--json"], cwd=HERE, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise RuntimeError(f"zeroth could not list the partitions of {asset['job']}: {run.stderr.strip()}")
    return [json.loads(line)["partition"] for line in run.stdout.splitlines()]


ASSETS = {name: define(name, asset) for name, asset in SETTINGS["assets"].items()}
DYNAMIC = {name: asset for name, asset in SETTINGS["assets"].items() if asset.get("partitions") == "list"}


@dg.sensor(minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.RUNNING)
def new_partitions(context: dg.SensorEvaluationContext):
    requests = []
    for name, asset in DYNAMIC.items():
        known = set(context.instance.get_dynamic_partitions(name))
        new = [partition for partition in listed(asset) if partition not in known]
        if new:
            requests.append(dg.DynamicPartitionsDefinition(name=name).build_add_request(new))
    return dg.SensorResult(dynamic_partitions_requests=requests)


def monthly_checks():
    """Policies judge a whole asset; of monthly ones each month must be there by its day."""
    for name, asset in SETTINGS["assets"].items():
        partitions = asset.get("partitions")
        if isinstance(partitions, dict) and "due" in partitions:
            yield from dg.build_time_partition_freshness_checks(
                assets=[ASSETS[name]], deadline_cron=f"0 9 {partitions['due']} * *", timezone="UTC"
            )


CHECKS = list(monthly_checks())

defs = dg.Definitions(
    assets=list(ASSETS.values()),
    asset_checks=CHECKS,
    sensors=[
        *([new_partitions] if DYNAMIC else []),
        *([dg.build_sensor_for_freshness_checks(freshness_checks=CHECKS)] if CHECKS else []),
        dg.AutomationConditionSensorDefinition("automation", target=dg.AssetSelection.all()),
    ],
    resources={"zeroth": Zeroth()},
)
