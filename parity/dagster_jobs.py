"""Dagster itself on a project of `zeroth dagster init`: what the test double stands for in the ordinary tests.

python parity/dagster_jobs.py   (needs: pip install dagster pyyaml; a built program)

- the definitions load, and code versions and checks are the program's;
- a partition of every asset materialises; metadata, data version and checks arrive;
- a second run finds the result and gives the same data version;
- a run over two partitions at once materialises both;
- a run that is killed (its process ends by SIGKILL while it works) is tried again by Dagster and finishes from what was
  done;
- a mistake in the settings is not tried again.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ["node", str(ROOT / "bin/zeroth.js")]


def prompts(path: Path, count: int) -> None:
    rows = [{"id": i, "prompt": f"Is this a fact or an opinion? Bridge {i} is old."} for i in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="zeroth-dagster-"))
    os.environ["ZEROTH_COMMAND"] = " ".join(PROGRAM)
    os.environ["DAGSTER_HOME"] = str(folder / "home")
    (folder / "home").mkdir()
    try:
        subprocess.run([*PROGRAM, "dagster", "init", str(folder / "project")], check=True, capture_output=True)
        project = folder / "project"
        prompts(project / "many.jsonl", 4096)
        text = (project / "zeroth.yaml").read_text()
        # A longer job that is killed, and one that cannot be.
        text += """
  long:
    job: generate
    code_version: "1"
    checks: [all_answered]
    retry_delay: 0
    settings: {input: many.jsonl, shards: 1, maxNewTokens: 24, threads: 1}

  wrong:
    job: generate
    code_version: "1"
    checks: [all_answered]
    retry_delay: 0
    settings: {inptu: many.jsonl}
"""
        (project / "zeroth.yaml").write_text(text)
        sys.path.insert(0, str(project))
        import dagster as dg
        import definitions

        dg.Definitions.validate_loadable(definitions.defs)
        print(f"dagster {dg.__version__}: definitions load, {len(definitions.ASSETS)} assets")
        store = str(folder / "store")
        resources = {"zeroth": definitions.Zeroth(store=store)}
        with dg.DagsterInstance.ephemeral() as instance:

            def materialize(name, partition=None, **more):
                return dg.materialize(
                    [definitions.ASSETS[name]], instance=instance, partition_key=partition, resources=resources, **more
                )

            for name in ("eval", "answers", "index", "summaries", "digest"):
                settings = definitions.SETTINGS["assets"][name]
                partition = None
                if settings.get("partitions") == "list":
                    names = definitions.listed(settings)
                    instance.add_dynamic_partitions(name, names)
                    partition = names[0]
                versions = []
                for cached in (False, True):
                    result = materialize(name, partition)
                    assert result.success, name
                    [event] = result.asset_materializations_for_node(name)
                    assert event.metadata["cached"].value is cached, (name, event.metadata)
                    versions.append(event.tags["dagster/data_version"])
                    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
                    assert set(checks) == set(settings["checks"]), checks
                assert versions[0] == versions[1]
                print(f"{name} {partition or ''}: {len(event.metadata)} values, checks {checks}, then found again")

            names = definitions.listed(definitions.SETTINGS["assets"]["answers"])
            ranged = materialize(
                "answers",
                tags={"dagster/asset_partition_range_start": names[0], "dagster/asset_partition_range_end": names[-1]},
            )
            made = ranged.asset_materializations_for_node("answers")
            assert sorted(event.partition for event in made) == sorted(names), made
            print(f"a run over {len(names)} partitions: {len(made)} materialisations")

            killed = []
            over = threading.Event()

            def kill_workers():
                # The process with the engine; what started it goes on and tells.
                journal = Path(store) / "work"
                while not killed and not over.is_set():
                    time.sleep(0.02)
                    for answers in journal.glob("*/*/work/answers.jsonl"):
                        try:
                            owner = json.loads((answers.parent.parent / "lock.owner").read_text())
                            done = answers.read_text().count("\n")
                        except (FileNotFoundError, json.JSONDecodeError):
                            # Of an attempt that ends or begins at this moment.
                            continue
                        if done >= 128:
                            killed.append(done)
                            os.kill(owner["pid"], signal.SIGKILL)
                            return

            thread = threading.Thread(target=kill_workers)
            thread.start()
            result = materialize("long")
            over.set()
            thread.join()
            assert result.success and killed
            retries = [event for event in result.all_events if event.event_type_value == "STEP_RESTARTED"]
            assert len(retries) == 1, retries
            [event] = result.asset_materializations_for_node("long")
            print(f"killed after {killed[0]} of 4096 rows: tried again once, {event.metadata['rows'].value} rows")
            undisturbed = folder / "undisturbed"
            subprocess.run(
                [*PROGRAM, "run", "generate", "--settings", json.dumps(definitions.SETTINGS["assets"]["long"]["settings"]),
                 "--all", "--store", str(undisturbed)],
                check=True, capture_output=True, cwd=project,
            )
            [manifest] = undisturbed.glob("objects/*/*/manifest.json")
            assert json.loads(manifest.read_text())["outputHash"] == event.tags["dagster/data_version"]
            print("the result is that of an undisturbed run")

            result = materialize("wrong", raise_on_error=False)
            retries = [event for event in result.all_events if event.event_type_value == "STEP_RESTARTED"]
            assert not result.success and not retries
            print("a mistake in the settings: failed, not tried again")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
