"""Writes test/fixtures/rows/prompts.parquet: rows as pyarrow has them, for --input. pip install pyarrow==26.0.1"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

out = Path(__file__).parent.parent / "test" / "fixtures" / "rows"
out.mkdir(parents=True, exist_ok=True)
table = pa.table(
    {
        # 64-bit whole numbers, the last beyond what a double holds.
        "id": pa.array([1, 2, None, 2**53 + 1], pa.int64()),
        "prompt": pa.array(
            [
                "Is this a fact or an opinion? The bridge was opened in 1932.",
                "Is this a fact or an opinion? Snow is the loveliest weather.",
                None,
                "Is this a fact or an opinion? The lake is 40 metres deep – “très” cold.",
            ]
        ),
        "choices": pa.array([["fact", "opinion"], None, ["fact", "opinion"], ["fact", "opinion"]]),
        "tokens": pa.array([None, None, None, [10, 11, 1]], pa.list_(pa.int64())),
    }
)
pq.write_table(table, out / "prompts.parquet", compression="snappy", row_group_size=2)

# Floating columns hold whole numbers that must stay floats: 2.0 prints as 2.0 in a template.
floats = pa.table(
    {
        "place-name": pa.array(["Merton", "Orrin", "Lee"]),
        "millimetres": pa.array([2.0, 0.5, None], pa.float64()),
        "days": pa.array([[1.0, 2.5], [], None], pa.list_(pa.float64())),
        "reading": pa.array([{"value": 3.0, "count": 4}, {"value": 0.25, "count": 1}, None], pa.struct([("value", pa.float32()), ("count", pa.int64())])),
        "year": pa.array([2001, 2**53 + 1, 3], pa.int64()),
    }
)
pq.write_table(floats, out / "floats.parquet", compression="snappy", row_group_size=2)
