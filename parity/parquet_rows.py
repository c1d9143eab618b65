"""Writes test/fixtures/rows: Parquet as pyarrow writes it, for --input and for data sets. pip install pyarrow==26.0.1"""

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

# Row groups of five, and what a template must tell apart: floats without a fraction, whole numbers beyond 2^53.
rows = range(23)
table = pa.table(
    {
        "number": pa.array(rows, pa.int32()),
        "score": pa.array([i / 2 for i in rows], pa.float64()),
        "big": pa.array([2**60 + i for i in rows], pa.int64()),
        "answers": pa.array(
            [{"text": [f"a{i}", "b"][: i % 3], "start": [1.0, 2.5][: i % 3]} for i in rows],
            pa.struct({"text": pa.list_(pa.string()), "start": pa.list_(pa.float32())}),
        ),
        "turns": pa.array(
            [None if i % 4 == 0 else [{"who": "x", "n": i}] for i in rows],
            pa.list_(pa.struct({"who": pa.string(), "n": pa.int64()})),
        ),
        "day": pa.array([i for i in rows], pa.date32()),
        "at": pa.array([i * 1_000_000 for i in rows], pa.timestamp("us")),
        "some": pa.array([None if i == 3 else i % 2 == 0 for i in rows], pa.bool_()),
    }
)
pq.write_table(table, out / "groups.parquet", compression="gzip", row_group_size=5)

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
