"""
Writes test/fixtures/rows/values.parquet and values.json: every kind of value a Parquet file holds, and what a template
prints of it when pyarrow reads the row and jinja2 renders it. The same rows in every compression, a file each.
pip install pyarrow==26.0.1 jinja2==3.1.6
"""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import jinja2
import pyarrow as pa
import pyarrow.parquet as pq

out = Path(__file__).parent.parent / "test" / "fixtures" / "rows"
out.mkdir(parents=True, exist_ok=True)

moment = dt.datetime(2021, 6, 7, 8, 9, 10, 120000)
dates = [dt.date(2021, 6, 7), dt.date(1582, 1, 31), None]
columns = {
    "truth": pa.array([True, False, None]),
    "small": pa.array([-7, 120, None], pa.int8()),
    "unsigned": pa.array([4294967295, 1, None], pa.uint32()),
    "widest": pa.array([2**64 - 1, 3, None], pa.uint64()),
    "wide": pa.array([-(2**53) - 1, 5, None], pa.int64()),
    "half": pa.array([1.5, 2.0, None], pa.float16()),
    "single": pa.array([0.1, 3.0, None], pa.float32()),
    "double": pa.array([1e22, float("nan"), None], pa.float64()),
    "text": pa.array(["grün", "it's", None]),
    "bytes": pa.array([b"a'\x00\xff\n", b"plain", None], pa.binary()),
    "fixed": pa.array([b"ab\\", b"\"'c", None], pa.binary(3)),
    "day": pa.array(dates, pa.date32()),
    "days": pa.array([dates, [], None], pa.list_(pa.date32())),
    "milliseconds": pa.array([moment, moment.replace(microsecond=0), None], pa.timestamp("ms")),
    "microseconds": pa.array([moment.replace(microsecond=7), dt.datetime(1931, 1, 1), None], pa.timestamp("us")),
    "utc": pa.array([moment, moment.replace(second=0, microsecond=0), None], pa.timestamp("us", tz="UTC")),
    "berlin": pa.array([moment, dt.datetime(2021, 1, 7, 8), None], pa.timestamp("us", tz="Europe/Berlin")),
    "fixed_zone": pa.array([moment, moment, None], pa.timestamp("us", tz="-03:30")),
    "clock": pa.array([dt.time(1, 2, 3), dt.time(23, 59, 59, 5000), None], pa.time32("ms")),
    "fine_clock": pa.array([dt.time(1, 2), dt.time(0, 0, 0, 1), None], pa.time64("us")),
    "money": pa.array([Decimal("123.40"), Decimal("-0.05"), None], pa.decimal128(9, 2)),
    "huge": pa.array([Decimal("12345678901234567890.12"), Decimal("-1.00"), None], pa.decimal128(30, 2)),
    "tiny": pa.array([Decimal("0.0000000012"), Decimal(0), None], pa.decimal128(12, 10)),
    "whole": pa.array([Decimal(42), Decimal(-1), None], pa.decimal128(18, 0)),
    "list": pa.array([[1.0, None], [], None], pa.list_(pa.float64())),
    "nested": pa.array([[["a"], []], [None], None], pa.list_(pa.list_(pa.string()))),
    "struct": pa.array(
        [{"a": Decimal("1.50"), "b": [b"x"]}, {"a": None, "b": None}, None],
        pa.struct([("a", pa.decimal128(5, 2)), ("b", pa.list_(pa.binary()))]),
    ),
    "map": pa.array([[("k", 1), ("l", None)], [], None], pa.map_(pa.string(), pa.int64())),
    "stamps": pa.array([{"at": moment}, {"at": None}, None], pa.struct([("at", pa.timestamp("ms", tz="Asia/Tokyo"))])),
    "words": pa.array(["x", "y", None]).dictionary_encode(),
    "nothing": pa.nulls(3),
}
table = pa.table(columns)
pq.write_table(table, out / "values.parquet", compression="zstd", use_dictionary=["words"], store_decimal_as_integer=True)
# Timestamps of 96 bits are an option of the whole file.
stamps = pa.table({"old": pa.array([moment.replace(microsecond=7), dt.datetime(1969, 12, 31, 23), None], pa.timestamp("ns"))})
pq.write_table(stamps, out / "int96.parquet", use_deprecated_int96_timestamps=True)

environment = jinja2.Environment()


def printed(name: str) -> list:
    rows = pq.read_table(out / name).to_pylist()
    keys = list(rows[0])
    return [
        {key: [environment.from_string("{{ v }}").render(v=row[key]), environment.from_string("{{ [v] }}").render(v=row[key])] for key in keys}
        for row in rows
    ]


files = {name: printed(name) for name in ["values.parquet", "int96.parquet"]}
(out / "values.json").write_text(json.dumps(files, indent=1, ensure_ascii=False) + "\n")

few = pa.table({"id": pa.array([1, 2**53 + 1, 3]), "text": pa.array(["hello", "hello hello hello hello", "ü"])})
for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
    for version in ["1.0", "2.0"]:
        name = f"{codec}-{version[0]}.parquet"
        (out / "codecs").mkdir(exist_ok=True)
        pq.write_table(few, out / "codecs" / name, compression=codec, data_page_version=version)
